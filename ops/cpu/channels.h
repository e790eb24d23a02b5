// Loops over the channels of pixels, for kernels that are bound by memory traffic: numbers per
// channel in whole lanes, and the affine map of a normalisation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "ops/cpu/lanes.h"
#include "tensor/tensor.h"

namespace osteon::cpu {

constexpr std::int64_t kBlockElements = 16 * 1024;  // 64 KB of f32, half of a thread's share of L2
// The sums of a block are in f32, of 24 binary digits: the last of so many equal values is added
// with 13 of them.
constexpr std::int64_t kMaxBlockRows = 2048;
constexpr std::int64_t kGrainElements = 16 * 1024;  // minimum elements per thread

inline std::int64_t rows_worth(std::int64_t elements, std::int64_t channels) {
  return std::max<std::int64_t>(elements / channels, 1);
}

// One number per channel, padded to whole lanes.
template <class T>
class PerChannel {
 public:
  using A = Accumulator<T>;
  explicit PerChannel(std::int64_t channels)
      : memory_(zeros({(channels + kLanes<T> - 1) / kLanes<T> * kLanes<T>}, dtype_of<A>())),
        values_(memory_.template data<A>()) {}
  explicit PerChannel(const Tensor& values) : PerChannel(values.numel()) {
    std::copy_n(values.data<A>(), values.numel(), values_);
  }
  A* data() { return values_; }
  Lanes<T> at(std::int64_t c) const { return *reinterpret_cast<const Lanes<T>*>(values_ + c); }
  Lanes<T>& at(std::int64_t c) { return *reinterpret_cast<Lanes<T>*>(values_ + c); }
  void clear() { std::fill_n(values_, memory_.numel(), A(0)); }

 private:
  Tensor memory_;  // aligned to a cache line
  A* values_;
};

// Calls body(channel, count) for all lanes of a row. `count` is the full width, a constant, except
// at the end of the row.
template <class T, class Body>
void for_each_lanes(std::int64_t channels, const Body& body) {
  const std::int64_t whole = channels / kLanes<T> * kLanes<T>;
  for (std::int64_t c = 0; c < whole; c += kLanes<T>)
    body(c, std::integral_constant<std::int64_t, kLanes<T>>());
  if (whole < channels) body(whole, channels - whole);
}

// Calls body(first row, last row) for blocks of [begin, end) that fit into the cache, the last
// block first.
template <class Body>
void for_each_block_downwards(std::int64_t begin, std::int64_t end, std::int64_t channels,
                              const Body& body) {
  const std::int64_t block = std::min(rows_worth(kBlockElements, channels), kMaxBlockRows);
  for (std::int64_t last = end; last > begin; last -= block)
    body(std::max(last - block, begin), last);
}

// The affine map of each channel: y = (x - mean) * scale + bias. Folding the mean into the bias
// would save an operation, but cancels if a channel's spread is small compared with its mean.
template <class T>
struct ChannelMap {
  ChannelMap(const Tensor& mean_, const Tensor& inverse_std, const Tensor& weight,
             const Tensor& bias_)
      : mean(mean_), scale(weight), bias(bias_) {
    const PerChannel<T> inverse(inverse_std);
    for (std::int64_t c = 0; c < weight.numel(); c += kLanes<T>) scale.at(c) *= inverse.at(c);
  }
  Lanes<T> operator()(Lanes<T> x, std::int64_t c) const {
    return (x - mean.at(c)) * scale.at(c) + bias.at(c);
  }

  PerChannel<T> mean, scale, bias;
};

}  // namespace osteon::cpu
