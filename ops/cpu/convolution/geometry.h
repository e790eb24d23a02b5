// The extents of a convolution, and the input pixels of an output pixel.
#pragma once

#include <cstdint>

#include "ops/ops.h"

namespace osteon::cpu {

struct Geometry {
  Geometry(const Shape& x, const Shape& weight, const Shape& y, const Conv2dOptions& options)
      : images(x[0]),
        height(x[1]),
        width(x[2]),
        channels(x[3]),
        filters(weight[0]),
        kernel_height(weight[1]),
        kernel_width(weight[2]),
        group_channels(weight[3]),
        output_height(y[1]),
        output_width(y[2]),
        conv(options),
        group_filters(filters / conv.groups),
        taps(kernel_height * kernel_width),
        window(taps * group_channels),
        rows(images * output_height * output_width) {}

  // Whether the windows of all output pixels are the input itself.
  bool is_plain_product() const {
    return taps == 1 && conv.stride == Spatial(1) && conv.padding == Padding(0) && conv.groups == 1;
  }

  // Whether a tap has so few channels that windows are copied side by side instead.
  bool has_short_taps() const { return group_channels < 8 && taps > 1; }

  std::int64_t images, height, width, channels;
  std::int64_t filters, kernel_height, kernel_width, group_channels;
  std::int64_t output_height, output_width;
  Conv2dOptions conv;
  std::int64_t group_filters;
  std::int64_t taps;    // kernel positions
  std::int64_t window;  // elements of a window: taps times the channels of a group
  std::int64_t rows;    // output pixels of the whole batch
};

}  // namespace osteon::cpu
