// One axis, height or width: which inputs the taps of an output coordinate read. A convolution and
// its data gradient are both described by axes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace osteon::cpu {

// A kernel position, and its input coordinate for the axis's first output.
struct AxisTap {
  std::int64_t tap, input;
};

// Output i < count has the coordinate first + i * stride, and reads at taps[t].input + i * step if
// that is in [0, extent).
struct Axis {
  std::int64_t first, stride, count;
  std::int64_t step, extent;
  std::vector<AxisTap> taps;  // their inputs have the same distance

  std::int64_t output(std::int64_t i) const { return first + i * stride; }
  // The first output whose coordinate is not below `coordinate` >= 0.
  std::int64_t first_from(std::int64_t coordinate) const {
    return std::max<std::int64_t>(coordinate - first + stride - 1, 0) / stride;
  }

  std::int64_t tap_distance() const { return taps.size() < 2 ? 0 : taps[1].input - taps[0].input; }

  struct Range {
    std::int64_t first, count;
  };
  // The taps with 0 <= at + input < extent.
  Range taps_inside(std::int64_t at) const {
    const auto is_inside = [&](const AxisTap& tap) {
      return at + tap.input >= 0 && at + tap.input < extent;
    };
    const auto first = std::find_if(taps.begin(), taps.end(), is_inside);
    const auto last = std::find_if_not(first, taps.end(), is_inside);
    return {first - taps.begin(), last - first};
  }

  // The outputs whose input of a tap is in [0, extent).
  Range outputs_inside(const AxisTap& tap) const {
    const std::int64_t from = (std::max<std::int64_t>(-tap.input, 0) + step - 1) / step;
    const std::int64_t to = (std::max<std::int64_t>(extent - tap.input, 0) + step - 1) / step;
    const std::int64_t end = std::min(to, count);
    return {from, std::max<std::int64_t>(end - from, 0)};
  }

  // Of a convolution.
  static Axis of_outputs(std::int64_t outputs, std::int64_t kernel, std::int64_t inputs,
                         std::int64_t stride, std::int64_t padding, std::int64_t dilation) {
    Axis axis{
        .first = 0, .stride = 1, .count = outputs, .step = stride, .extent = inputs, .taps = {}};
    for (std::int64_t t = 0; t < kernel; ++t) axis.taps.push_back({t, t * dilation - padding});
    return axis;
  }

  // Of its data gradient. The inputs whose coordinates have the same remainder by the stride have
  // the same taps; so there is one axis per remainder.
  static std::vector<Axis> of_inputs(std::int64_t inputs, std::int64_t kernel, std::int64_t outputs,
                                     std::int64_t stride, std::int64_t padding,
                                     std::int64_t dilation) {
    std::vector<Axis> axes;
    for (std::int64_t first = 0; first < std::min(stride, inputs); ++first) {
      Axis axis{.first = first,
                .stride = stride,
                .count = (inputs - first + stride - 1) / stride,
                .step = 1,
                .extent = outputs,
                .taps = {}};
      for (std::int64_t t = 0; t < kernel; ++t) {
        const std::int64_t scaled = first + padding - t * dilation;
        if (scaled % stride == 0) axis.taps.push_back({t, scaled / stride});
      }
      axes.push_back(axis);
    }
    return axes;
  }
};

}  // namespace osteon::cpu
