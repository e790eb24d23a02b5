// Depthwise convolution: as many groups as channels, one filter each. Nothing is summed over
// channels, so lanes are channels and the work is bound by memory: each pixel of a window is
// multiplied by the filters' values for its tap.
#pragma once

#include "ops/cpu/convolution/gathered_product.h"
#include "ops/cpu/convolution/geometry.h"

namespace osteon::cpu::OSTEON_CPU_SET {

inline bool is_depthwise(const Geometry& g) {
  return g.conv.groups == g.channels && g.filters == g.channels;
}

// Row r: output[c] = the sum over taps t of inputs[t][c] filters[t][c], and what `finish` adds.
// `filters` is [taps, channels]; `find` as for gathered_product.
void gathered_depthwise(std::int64_t rows, const Tensor& filters, const Finish& finish,
                        const FindRows& find);

// The filters [C,R,S,1] as [taps, C], only these taps.
Tensor depthwise_filters(const Tensor& weight, const std::vector<std::int64_t>& taps);

// dweight [C,R,S,1] from dy and x.
void depthwise_backward_weight(const Geometry& g, const float* dy, const float* x,
                               const float* outside, float* dweight);

}  // namespace osteon::cpu::OSTEON_CPU_SET
