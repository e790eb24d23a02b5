// Random numbers from Philox blocks. A draw is a pure function of (key, counter), so results depend
// on (seed, epoch, index) but never on the order of the threads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/philox.h"

namespace osteon {

// 64-bit FNV-1a hash of a text: a stream number or bucket for a name, the same on every machine.
std::uint64_t hash_name(std::string_view name);

// A stream of draws for one purpose. Two streams with different (seed, stream, substream) are
// independent; the same triple gives the same sequence on every machine.
//
//   RandomStream random(seed, epoch, index);
//   double angle = random.uniform(-15.0, 15.0);
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed, std::uint64_t stream = 0, std::uint64_t substream = 0);

  std::uint32_t next_u32();
  // Uniform in [0, 1) with 53 random bits.
  double uniform();
  // Uniform in [low, high), also after rounding. If low == high, returns low. Throws if low > high.
  double uniform(double low, double high);
  // Uniform integer in [0, bound), unbiased; bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // Standard normal by the Box-Muller transform.
  double normal();

  // The key of its Philox blocks.
  std::uint64_t key() const { return key_; }

 private:
  std::uint64_t key_;
  PhiloxBlock counter_;
  PhiloxBlock block_{};
  int used_ = 4;
};

// The first `count` draws of RandomStream(seed, stream, substream).normal(), vectorised. They agree
// with the scalar draws to a few units in the last place.
void fill_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t substream, double* draws,
                 std::int64_t count);

// A random permutation of 0 .. n-1 (Fisher-Yates); n >= 0.
std::vector<std::int64_t> permutation(std::int64_t n, RandomStream& random);

}  // namespace osteon
