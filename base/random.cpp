// The distributions drawn from Philox blocks.
#include "base/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "base/cpu/random_normal.h"
#include "base/error.h"

namespace osteon {

std::uint64_t hash_name(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

// The stream number goes into the key, the substream into the counter's upper half; the lower half
// counts blocks. One Philox block mixes the stream number, so that neighbouring streams are not
// correlated.
RandomStream::RandomStream(std::uint64_t seed, std::uint64_t stream, std::uint64_t substream) {
  const PhiloxBlock mixed = philox(
      seed, {static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32), 0, 0});
  key_ = mixed[0] | static_cast<std::uint64_t>(mixed[1]) << 32;
  counter_ = {0, 0, static_cast<std::uint32_t>(substream),
              static_cast<std::uint32_t>(substream >> 32)};
}

std::uint32_t RandomStream::next_u32() {
  if (used_ == 4) {
    block_ = philox(key_, counter_);
    if (++counter_[0] == 0) ++counter_[1];
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

double RandomStream::uniform() {
  const std::uint64_t high = next_u32() >> 5, low = next_u32() >> 6;
  return static_cast<double>(high << 26 | low) * 0x1p-53;
}

double RandomStream::uniform(double low, double high) {
  OSTEON_CHECK(low <= high, "random: uniform(", low, ", ", high, ") has no possible result");
  return std::min(low + (high - low) * uniform(), std::nextafter(high, low));
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  OSTEON_CHECK(bound > 0, "random: below(0) has no possible result");
  // [exercise 9b]
  const std::uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const std::uint64_t high = next_u32();
    const std::uint64_t draw = high << 32 | next_u32();
    if (draw >= rejected) return draw % bound;
  }
  // [exercise end]
}

double RandomStream::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

void fill_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t substream, double* draws,
                 std::int64_t count) {
  cpu::fill_normal(RandomStream(seed, stream, substream).key(), substream, draws, count);
}

std::vector<std::int64_t> permutation(std::int64_t n, RandomStream& random) {
  OSTEON_CHECK(n >= 0, "random: permutation of ", n, " numbers");
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(i))]);
  return order;
}

}  // namespace osteon
