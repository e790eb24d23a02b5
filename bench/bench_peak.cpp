// bench_peak: what the multiply-add units of this processor reach on registers alone, a line of
// JSON a precision. No memory is touched, so nothing that multiplies matrices can be faster: it is
// the roof over bench_roof.
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/app.h"
#include "tensor/parallel.h"

namespace osteon {
namespace {

constexpr int kChains = 12;  // independent sums, more than latency times units; all in registers
constexpr std::int64_t kRounds = 20'000'000;

using Lanes [[gnu::vector_size(64)]] = float;

// Makes a value unknown to the compiler, which would otherwise compute the result beforehand, and
// one of equal chains for all.
template <class T>
void conceal(T& value) {
  asm volatile("" : "+v"(value));
}

// One step of a chain: sum + a b in each lane.
struct MultiplyAddF32 {
  static constexpr const char* precision = "fp32";
  static constexpr int flops = 2 * 16;
  Lanes a, b;
  void operator()(Lanes& sum) const { sum += a * b; }
};

#if defined(__AVX512BF16__)
// Two products of bf16 a lane of f32.
struct MultiplyAddBF16 {
  static constexpr const char* precision = "bf16";
  static constexpr int flops = 4 * 16;
  __m512bh a, b;
  void operator()(Lanes& sum) const {
    sum = reinterpret_cast<Lanes>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), a, b));
  }
};
#endif

template <class Step>
void run_chains() {
  Step step{};
  conceal(step.a);
  conceal(step.b);
  std::array<Lanes, kChains> sums{};
  for (Lanes& sum : sums) conceal(sum);
  for (std::int64_t round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (Lanes& sum : sums) step(sum);
  for (Lanes& sum : sums) conceal(sum);
}

template <class Step>
void measure(int threads) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds;
  for (int repetition = 0; repetition < 5; ++repetition) {
    const auto begin = Clock::now();
    parallel_for(threads, 1, [](std::int64_t, std::int64_t) { run_chains<Step>(); });
    seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  std::ranges::sort(seconds);
  const double flops = static_cast<double>(kRounds) * kChains * Step::flops * threads;
  const nlohmann::ordered_json line = {{"precision", Step::precision},
                                       {"threads", threads},
                                       {"gflops", 1e-9 * flops / seconds[seconds.size() / 2]}};
  std::cout << line.dump() << "\n";
}

}  // namespace
}  // namespace osteon

int main(int argc, char** argv) {
  CLI::App app("Measures the multiply-add units of this processor; prints JSON", "bench_peak");
  return osteon::run_app(app, argc, argv, [] {
    osteon::measure<osteon::MultiplyAddF32>(osteon::num_threads());
#if defined(__AVX512BF16__)
    osteon::measure<osteon::MultiplyAddBF16>(osteon::num_threads());
#endif
  });
}
