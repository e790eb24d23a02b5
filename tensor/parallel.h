// How CPU code uses more than one core: one function, over OpenMP.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <utility>

namespace osteon {

// Number of threads that parallel_for uses (OMP_NUM_THREADS, set_num_threads).
inline int num_threads() { return omp_in_parallel() ? 1 : omp_get_max_threads(); }
inline void set_num_threads(int threads) { omp_set_num_threads(threads); }

// Calls body(thread, begin, end) once per thread with consecutive, nearly equal ranges of [0, n).
// The ranges depend on n, grain and the number of threads alone, so per-thread partial results can
// be added in thread order with the same bits every time. At least `grain` elements go to a thread;
// returns the number of ranges. An exception of a body is rethrown here.
template <class Body>
int parallel_ranges(std::int64_t n, std::int64_t grain, const Body& body) {
  if (n <= 0) return 0;
  const auto threads = static_cast<int>(
      std::clamp<std::int64_t>(n / std::max<std::int64_t>(grain, 1), 1, num_threads()));
  if (threads == 1) {
    body(0, std::int64_t{0}, n);
    return 1;
  }
  std::exception_ptr error;
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num();
    try {
      body(thread, n * thread / threads, n * (thread + 1) / threads);
    } catch (...) {
#pragma omp critical(osteon_parallel_error)
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
  return threads;
}

// Calls body(begin, end) on consecutive ranges that cover [0, n).
template <class Body>
void parallel_for(std::int64_t n, std::int64_t grain, const Body& body) {
  parallel_ranges(n, grain, [&](int, std::int64_t begin, std::int64_t end) { body(begin, end); });
}

}  // namespace osteon
