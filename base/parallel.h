// Parallel loops on the CPU: one function, based on OpenMP.
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

// Calls body(range, begin, end) for consecutive, nearly equal ranges of [0, n), one range per
// thread. The ranges depend only on n, grain and num_threads(), even if the system grants fewer
// threads. Thus partial results per range can be added in order, with the same bits every time. A
// range has at least `grain` elements unless it is the only one. Returns the number of ranges.
// Rethrows an exception thrown by the body.
template <class Body>
int parallel_ranges(std::int64_t n, std::int64_t grain, const Body& body) {
  if (n <= 0) return 0;
  const auto ranges = static_cast<int>(
      std::clamp<std::int64_t>(n / std::max<std::int64_t>(grain, 1), 1, num_threads()));
  if (ranges == 1) {
    body(0, std::int64_t{0}, n);
    return 1;
  }
  std::exception_ptr error;
#pragma omp parallel for num_threads(ranges) schedule(static, 1)
  for (int range = 0; range < ranges; ++range) {
    try {
      body(range, n * range / ranges, n * (range + 1) / ranges);
    } catch (...) {
#pragma omp critical(osteon_parallel_error)
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
  return ranges;
}

// Calls body(begin, end) for consecutive ranges that cover [0, n).
template <class Body>
void parallel_for(std::int64_t n, std::int64_t grain, const Body& body) {
  parallel_ranges(n, grain, [&](int, std::int64_t begin, std::int64_t end) { body(begin, end); });
}

}  // namespace osteon
