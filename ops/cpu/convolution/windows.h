// The pixels of a window, as pointers or side by side.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/cpu/convolution/geometry.h"

namespace osteon::cpu {

class Windows {
 public:
  // Windows of the channels of one group; a tap outside the image reads from `zeros`.
  Windows(const Geometry& g, const float* x, std::int64_t group, const float* zeros)
      : g_(g), x_(x + group * g.group_channels), zeros_(zeros) {}

  // Calls visit(tap, pixel) for each tap of an output pixel.
  template <class Visit>
  void for_each_tap(std::int64_t row, const Visit& visit) const {
    const std::int64_t place = row % (g_.output_height * g_.output_width);
    const std::int64_t image = row / (g_.output_height * g_.output_width);
    const auto& [stride, padding, dilation, groups] = g_.conv;
    const std::int64_t top = place / g_.output_width * stride.height - padding.top;
    const std::int64_t left = place % g_.output_width * stride.width - padding.left;
    std::int64_t tap = 0;
    for (std::int64_t r = 0; r < g_.kernel_height; ++r) {
      const std::int64_t h = top + r * dilation.height;
      const float* const line = x_ + (image * g_.height + h) * g_.width * g_.channels;
      for (std::int64_t s = 0; s < g_.kernel_width; ++s, ++tap) {
        const std::int64_t w = left + s * dilation.width;
        const bool inside = h >= 0 && h < g_.height && w >= 0 && w < g_.width;
        visit(tap, inside ? line + w * g_.channels : zeros_);
      }
    }
  }

  // Writes the whole window of an output pixel.
  void copy(std::int64_t row, float* to) const {
    for_each_tap(row, [&](std::int64_t tap, const float* pixel) {
      std::copy_n(pixel, g_.group_channels, to + tap * g_.group_channels);
    });
  }

 private:
  const Geometry& g_;
  const float* x_;
  const float* zeros_;
};

}  // namespace osteon::cpu
