// The innermost loops of depthwise convolution. A line of outputs is summed strip by strip: some
// adjacent pixels by some vectors of channels. The sums of a strip stay in registers; for each tap
// the vectors of its filters are loaded once, and each input is an operand in memory. The terms of
// a sum are added in the order of the taps; those outside the image are left out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "ops/cpu/convolution/gathered_product.h"
#include "ops/cpu/convolution/tile.h"

namespace osteon::cpu::OSTEON_CPU_SET {

inline constexpr std::int64_t kWidth = kLanes<float>;

// The sums of a strip fit into the registers, beside the filters of a tap.
#if defined(__AVX512F__)
inline constexpr int kStripPixels = 7, kStripVectors = 3;
#else
inline constexpr int kStripPixels = 4, kStripVectors = 3;
#endif

inline constexpr std::int64_t kNearBytes = std::int64_t{24} << 10;  // most of the L1 cache

// Some vectors of channels, or the lanes of a part of a vector.
struct ChannelGroup {
  std::int64_t channel, vectors, lanes;
  bool is_part() const { return lanes % kWidth != 0; }
};

// Groups of at most `most` vectors. These are divided evenly; lanes that fill no vector are a
// group.
inline std::vector<ChannelGroup> channel_groups(std::int64_t channels, std::int64_t most) {
  const std::int64_t whole = channels / kWidth, count = (whole + most - 1) / most;
  std::vector<ChannelGroup> groups;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t begin = whole * i / count, vectors = whole * (i + 1) / count - begin;
    groups.push_back({begin * kWidth, vectors, vectors * kWidth});
  }
  if (channels % kWidth != 0) groups.push_back({whole * kWidth, 1, channels % kWidth});
  return groups;
}

// Strips of a line of outputs, for some channels.
struct Strips {
  std::int64_t channels, width;              // of the image that is read
  std::int64_t rows, columns;                // taps
  std::int64_t line_distance, tap_distance;  // of the inputs of adjacent taps, in pixels
  std::int64_t step, stride;                 // of the columns: Axis
  std::int64_t first_line, left;             // the input of the first output's first tap
  std::int64_t channel, lanes;               // the first one; for PartOfVector
  const float* input;                        // of the image and the first channel
  const float* filters;                      // [row][column][vector]
  Finish finish;
  const float* residual;
  float* output;
  std::int64_t first_output;  // offset of the first output and of its residual
};

// Loads and stores vectors.
struct WholeVectors {
  explicit WholeVectors(std::int64_t) {}
  TileLanes load(const float* from) const { return cpu::load(from); }
  void store(float* to, TileLanes lanes) const { cpu::store(to, lanes); }
};
// The same with only the first lanes of a vector.
class PartOfVector {
 public:
#if defined(__AVX512F__)
  explicit PartOfVector(std::int64_t lanes) : mask_(static_cast<__mmask16>((1U << lanes) - 1)) {}
  TileLanes load(const float* from) const { return _mm512_maskz_loadu_ps(mask_, from); }
  void store(float* to, TileLanes lanes) const { _mm512_mask_storeu_ps(to, mask_, lanes); }

 private:
  __mmask16 mask_;
#elif defined(__AVX2__)
  explicit PartOfVector(std::int64_t lanes)
      : mask_(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(lanes)),
                                 _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))) {}
  TileLanes load(const float* from) const { return _mm256_maskload_ps(from, mask_); }
  void store(float* to, TileLanes lanes) const { _mm256_maskstore_ps(to, mask_, lanes); }

 private:
  __m256i mask_;
#else
  explicit PartOfVector(std::int64_t lanes) : lanes_(lanes) {}
  TileLanes load(const float* from) const { return cpu::load(from, lanes_); }
  void store(float* to, TileLanes lanes) const { cpu::store(to, lanes, lanes_); }

 private:
  std::int64_t lanes_;
#endif
};

// from + pitch, in one register: else the compiler keeps the offset of each vector of each pixel,
// in more registers than there are.
template <class T>
[[gnu::always_inline]] inline T* next_pixel(T* from, std::int64_t pitch) {
  from += pitch;
  asm("" : "+r"(from));
  return from;
}

// Calls body.operator()<i>() for i = 0 to n - 1. As constants, indices keep sums in registers.
template <int n, class Body>
[[gnu::always_inline]] inline void unroll(const Body& body) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (body.template operator()<i>(), ...);
  }
  (std::make_integer_sequence<int, n>());
}

// The sums of one strip. `taps` of the columns, or 0 for a number that is known only now.
template <int taps, int pixels, int vectors, class Vectors>
class StripSums {
 public:
  StripSums(const Strips& strip, const Vectors& io, std::int64_t left)
      : strip_(strip), io_(io), left_(left) {}

  // `inside`: all inputs are inside the image.
  template <bool inside>
  [[gnu::always_inline]] void add_up() {
    const float* filters = strip_.filters;
    const float* line = strip_.input + (strip_.first_line * strip_.width + left_) * strip_.channels;
    for (std::int64_t row = 0; row < strip_.rows; ++row) {
      std::int64_t left = left_;
      const float* from = line;
      const auto add_up_tap = [&]() __attribute__((always_inline)) {
        add_up_tap_at<inside>(filters, from, left);
        filters += vectors * kWidth;
        from += strip_.tap_distance * strip_.channels;
        left += strip_.tap_distance;
      };
      if constexpr (taps > 0)
        unroll<taps>([&]<int>() __attribute__((always_inline)) { add_up_tap(); });
      else
        for (std::int64_t tap = 0; tap < strip_.columns; ++tap) add_up_tap();
      line += strip_.line_distance * strip_.width * strip_.channels;
    }
  }

  [[gnu::always_inline]] void finish(std::int64_t output) {
    const Finish& finish = strip_.finish;
    const std::int64_t pitch = strip_.stride * strip_.channels;
    if (finish.bias != nullptr)
      unroll<vectors>([&]<int v>() __attribute__((always_inline)) {
        const TileLanes bias = io_.load(finish.bias + strip_.channel + v * kWidth);
        unroll<pixels>([&]<int i>() __attribute__((always_inline)) { at_[i][v] += bias; });
      });
    if (finish.residual) {
      const float* from = strip_.residual + output;
      unroll<pixels>([&]<int i>() __attribute__((always_inline)) {
        unroll<vectors>([&]<int v>() __attribute__((always_inline)) {
          at_[i][v] += io_.load(from + v * kWidth);
        });
        from = next_pixel(from, pitch);
      });
    }
    if (finish.activation == Activation::relu) activate<Activation::relu>();
    if (finish.activation == Activation::relu6) activate<Activation::relu6>();
    float* to = strip_.output + output;
    unroll<pixels>([&]<int i>() __attribute__((always_inline)) {
      unroll<vectors>([&]<int v>() __attribute__((always_inline)) {
        io_.store(to + v * kWidth, at_[i][v]);
      });
      to = next_pixel(to, pitch);
    });
    if (finish.activation == Activation::silu) apply_silu(strip_.output + output, pitch);
  }

 private:
  template <Activation activation>
  [[gnu::always_inline]] void activate() {
    unroll<pixels>([&]<int i>() __attribute__((always_inline)) {
      unroll<vectors>([&]<int v>() __attribute__((always_inline)) {
        at_[i][v] = activated<float>(activation, at_[i][v]);
      });
    });
  }

  // On the stored results: in registers it would be as much code for each as all of this.
  void apply_silu(float* to, std::int64_t pitch) const {
    for (int i = 0; i < pixels; ++i, to = next_pixel(to, pitch))
      for (int v = 0; v < vectors; ++v)
        io_.store(to + v * kWidth, activated<float>(Activation::silu, io_.load(to + v * kWidth)));
  }

  template <bool inside>
  [[gnu::always_inline]] void add_up_tap_at(const float* filters, const float* from,
                                            std::int64_t w) {
    TileLanes filter[vectors];
    unroll<vectors>([&]<int v>()
                        __attribute__((always_inline)) { filter[v] = load(filters + v * kWidth); });
    unroll<pixels>([&]<int i>() __attribute__((always_inline)) {
      const bool is_pixel =
          inside || static_cast<std::uint64_t>(w) < static_cast<std::uint64_t>(strip_.width);
      if (is_pixel)
        unroll<vectors>([&]<int v>() __attribute__((always_inline)) {
          at_[i][v] = multiply_add(io_.load(from + v * kWidth), filter[v], at_[i][v]);
        });
      from = next_pixel(from, strip_.step * strip_.channels);
      w += strip_.step;
    });
  }

  const Strips& strip_;
  const Vectors& io_;
  const std::int64_t left_;
  TileLanes at_[pixels][vectors] = {};
};

template <int taps, int pixels, int vectors, class Vectors>
[[gnu::noinline]] void add_up_strips(const Strips& strips, std::int64_t first, std::int64_t count) {
  const Vectors io(strips.lanes);
  std::int64_t left = strips.left + first * strips.step;
  std::int64_t output = strips.first_output + first * strips.stride * strips.channels;
  // The inputs of a strip, as distances from that of its first output's first tap.
  const std::int64_t last_tap = (strips.columns - 1) * strips.tap_distance;
  const std::int64_t lowest = std::min<std::int64_t>(last_tap, 0);
  const std::int64_t highest = std::max<std::int64_t>(last_tap, 0) + (pixels - 1) * strips.step;
  for (std::int64_t i = 0; i < count; ++i) {
    StripSums<taps, pixels, vectors, Vectors> sums(strips, io, left);
    if (left + lowest >= 0 && left + highest < strips.width)
      sums.template add_up<true>();
    else
      sums.template add_up<false>();
    sums.finish(output);
    left += pixels * strips.step;
    output += pixels * strips.stride * strips.channels;
  }
}

// Computes `count` outputs.
template <int taps, int vectors, class Vectors>
void add_up_line(const Strips& strips, std::int64_t count) {
  if (count < kStripPixels) return add_up_strips<taps, 1, vectors, Vectors>(strips, 0, count);
  const auto add_up = add_up_strips<taps, kStripPixels, vectors, Vectors>;
  add_up(strips, 0, count / kStripPixels);
  // The last strip may overlap the one before.
  if (count % kStripPixels != 0) add_up(strips, count - kStripPixels, 1);
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
