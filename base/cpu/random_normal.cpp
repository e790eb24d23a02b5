// Vectorised form of RandomStream::normal(). A draw takes one Philox block, so draw i is a function
// of i. Only this file is compiled with vector versions of log and cos (CMakeLists.txt); their last
// bits may differ from the scalar ones.
#include <cmath>
#include <numbers>

#include "base/cpu/random_normal.h"

namespace osteon::cpu::OSTEON_CPU_SET {

void fill_normal(std::uint64_t key, std::uint64_t substream, double* draws, std::int64_t count) {
  const auto key0 = static_cast<std::uint32_t>(key), key1 = static_cast<std::uint32_t>(key >> 32);
  const std::uint64_t low = substream & 0xFFFFFFFF, high = substream >> 32;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint64_t x0 = static_cast<std::uint64_t>(i) & 0xFFFFFFFF;
    std::uint64_t x1 = static_cast<std::uint64_t>(i) >> 32, x2 = low, x3 = high;
    std::uint32_t round_key0 = key0, round_key1 = key1;
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t product0 = 0xD2511F53 * x0, product1 = 0xCD9E8D57 * x2;
      x0 = (product1 >> 32) ^ x1 ^ round_key0;
      x1 = product1 & 0xFFFFFFFF;
      x2 = (product0 >> 32) ^ x3 ^ round_key1;
      x3 = product0 & 0xFFFFFFFF;
      round_key0 += 0x9E3779B9;
      round_key1 += 0xBB67AE85;
    }
    const double u = static_cast<double>(static_cast<std::int64_t>((x0 >> 5) << 26 | x1 >> 6));
    const double v = static_cast<double>(static_cast<std::int64_t>((x2 >> 5) << 26 | x3 >> 6));
    const double radius = std::sqrt(-2.0 * std::log(1.0 - u * 0x1p-53));
    draws[i] = radius * std::cos(2.0 * std::numbers::pi * (v * 0x1p-53));
  }
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
