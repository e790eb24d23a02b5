// The chains of bench_peak. Empty assembly hides the values: with known values the compiler would
// compute the result at compile time, and equal chains only once.
#include "bench/peak.h"

#include <array>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "ops/cpu/lanes.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr int kChains = 12;  // more than latency times units, few enough for the registers

template <class T>
void conceal(T& value) {
#if defined(__AVX512F__)
  asm volatile("" : "+v"(value));
#elif defined(__x86_64__)
  asm volatile("" : "+x"(value));
#else
  asm volatile("" : "+w"(value));
#endif
}

double operations_of(std::int64_t rounds, int per_step) {
  return static_cast<double>(rounds) * kChains * per_step;
}

}  // namespace

void peak_f32(std::int64_t rounds, double& operations) {
  Lanes<float> a{}, b{};
  conceal(a);
  conceal(b);
  std::array<Lanes<float>, kChains> sums{};
  for (auto& sum : sums) conceal(sum);
  for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 12
    for (auto& sum : sums) sum += a * b;
  for (auto& sum : sums) conceal(sum);
  operations = operations_of(rounds, 2 * static_cast<int>(kLanes<float>));
}

#if defined(__AVX512F__)
// Two products of bf16 per lane of f32.
[[gnu::target("avx512bf16")]] void peak_bf16(std::int64_t rounds, double& operations) {
  operations = 0;
  if (instruction_set() != InstructionSet::avx512_bf16) return;
  __m512bh a{}, b{};
  asm volatile("" : "+v"(a));
  asm volatile("" : "+v"(b));
  __m512 sums[kChains] = {};  // std::array drops the attributes of the type
  for (auto& sum : sums) asm volatile("" : "+v"(sum));
  for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm512_dpbf16_ps(sum, a, b);
  for (auto& sum : sums) asm volatile("" : "+v"(sum));
  operations = operations_of(rounds, 4 * 16);
}
#else
void peak_bf16(std::int64_t, double& operations) { operations = 0; }
#endif

}  // namespace osteon::cpu::OSTEON_CPU_SET
