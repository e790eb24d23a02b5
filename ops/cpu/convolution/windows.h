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

  // Calls visit(row - first, tap, pixel) for each tap of the output pixels [first, first + count).
  template <class Visit>
  void for_each_tap(std::int64_t first, std::int64_t count, const Visit& visit) const {
    const Spatial dilation = g_.conv.dilation;
    for_each_row(first, count,
                 [&](std::int64_t row, std::int64_t top, std::int64_t left, const float* image) {
                   std::int64_t tap = 0;
                   for (std::int64_t r = 0; r < g_.kernel_height; ++r) {
                     const std::int64_t h = top + r * dilation.height;
                     const bool is_line = h >= 0 && h < g_.height;
                     const float* const line = image + h * g_.width * g_.channels;
                     for (std::int64_t s = 0; s < g_.kernel_width; ++s, ++tap) {
                       const std::int64_t w = left + s * dilation.width;
                       visit(row, tap,
                             is_line && w >= 0 && w < g_.width ? line + w * g_.channels : zeros_);
                     }
                   }
                 });
  }

  // Copies the whole windows of the output pixels [first, first + count), one per `pitch` floats.
  void copy(std::int64_t first, std::int64_t count, float* to, std::int64_t pitch) const {
    if (g_.conv.groups == 1 && g_.conv.dilation.width == 1)
      return copy_lines(first, count, to, pitch);
    for_each_tap(first, count, [&](std::int64_t row, std::int64_t tap, const float* pixel) {
      std::copy_n(pixel, g_.group_channels, to + row * pitch + tap * g_.group_channels);
    });
  }

 private:
  // Calls visit(row - first, y of the first tap, x of the first tap, image).
  template <class Visit>
  void for_each_row(std::int64_t first, std::int64_t count, const Visit& visit) const {
    std::int64_t column = first % g_.output_width;
    std::int64_t line = first / g_.output_width % g_.output_height;
    const float* image =
        x_ + first / g_.output_width / g_.output_height * g_.height * g_.width * g_.channels;
    for (std::int64_t row = 0; row < count; ++row) {
      visit(row, line * g_.conv.stride.height - g_.conv.padding.top,
            column * g_.conv.stride.width - g_.conv.padding.left, image);
      if (++column < g_.output_width) continue;
      column = 0;
      if (++line < g_.output_height) continue;
      line = 0;
      image += g_.height * g_.width * g_.channels;
    }
  }

  // The taps of one kernel row lie side by side in the image.
  void copy_lines(std::int64_t first, std::int64_t count, float* to, std::int64_t pitch) const {
    const std::int64_t length = g_.kernel_width * g_.channels;
    for_each_row(first, count,
                 [&](std::int64_t row, std::int64_t top, std::int64_t left, const float* image) {
                   const std::int64_t before = std::clamp<std::int64_t>(-left, 0, g_.kernel_width);
                   const std::int64_t end =
                       std::clamp<std::int64_t>(g_.width - left, before, g_.kernel_width);
                   float* out = to + row * pitch;
                   for (std::int64_t r = 0; r < g_.kernel_height; ++r, out += length) {
                     const std::int64_t h = top + r * g_.conv.dilation.height;
                     const bool is_line = h >= 0 && h < g_.height;
                     const std::int64_t from = (is_line ? before : end) * g_.channels;
                     const std::int64_t last = end * g_.channels;
                     std::fill(out, out + from, 0.0F);
                     std::copy_n(image + (h * g_.width + left) * g_.channels + from, last - from,
                                 out + from);
                     std::fill(out + last, out + length, 0.0F);
                   }
                 });
  }

  const Geometry& g_;
  const float* x_;
  const float* zeros_;
};

}  // namespace osteon::cpu
