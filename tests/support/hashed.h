// Pseudo-random numbers that C++ and Python compute identically from a name and an index, so that
// golden files hold only results. scripts/golden/common.py is the Python half; change both
// together.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/random.h"

namespace osteon {

// One step of splitmix64: a bijection of 64-bit numbers that decorrelates neighbours.
// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
constexpr std::uint64_t scatter(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
  x = (x ^ x >> 27) * 0x94D049BB133111EB;
  return x ^ x >> 31;
}

// The sequence of draws of a name.
class HashedSequence {
 public:
  explicit HashedSequence(std::string_view name) : start_(scatter(hash_name(name))) {}

  std::uint64_t bits(std::uint64_t index) const { return scatter(start_ + index); }
  // In [0, 1) on a grid of 2^-20, so that -1 + 2 u, for instance, is exact in float too.
  double uniform(std::uint64_t index) const {
    return static_cast<double>(bits(index) >> 44) * 0x1p-20;
  }
  // In (-1, 1): odd multiples of 1/128, exact in every floating-point dtype and never 0.
  double coarse(std::uint64_t index) const {
    return (2.0 * static_cast<double>(bits(index) >> 57) - 127) / 128;
  }

 private:
  std::uint64_t start_;
};

}  // namespace osteon
