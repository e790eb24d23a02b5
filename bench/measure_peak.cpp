// Times the chains of peak.h, and copies.
#include "bench/measure_peak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "bench/peak.h"
#include "tensor/tensor.h"

namespace osteon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kRounds = 500'000;  // so few that other programs rarely interrupt them
constexpr int kRepetitions = 200, kCopies = 5;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

template <class Chains>
double gflops(const Chains& run_chains) {
  const int threads = num_threads();
  double seconds = std::numeric_limits<double>::infinity();
  std::vector<double> operations(static_cast<std::size_t>(threads));
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const auto begin = Clock::now();
    parallel_ranges(threads, 1, [&](int thread, std::int64_t, std::int64_t) {
      run_chains(kRounds, operations[static_cast<std::size_t>(thread)]);
    });
    seconds = std::min(seconds, seconds_since(begin));
    if (operations[0] == 0) return 0;
  }
  double total = 0;
  for (const double count : operations) total += count;
  return 1e-9 * total / seconds;
}

}  // namespace

double peak_f32_gflops() { return gflops(cpu::peak_f32); }
double peak_bf16_gflops() { return gflops(cpu::peak_bf16); }

double copy_bandwidth() {
  constexpr std::int64_t kBytes = std::int64_t{256} << 20;
  const Tensor from = zeros({kBytes}, DType::u8), to = zeros({kBytes}, DType::u8);
  double best = 0;
  for (int repetition = 0; repetition < kCopies; ++repetition) {
    const auto begin = Clock::now();
    parallel_for(kBytes, 1, [&](std::int64_t first, std::int64_t last) {
      std::memcpy(to.raw() + first, from.raw() + first, static_cast<std::size_t>(last - first));
    });
    best = std::max(best, 2.0 * kBytes / seconds_since(begin));
  }
  return best;
}

}  // namespace osteon
