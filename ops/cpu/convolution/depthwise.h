// Depthwise convolution: as many groups as channels, one filter each. Nothing is summed over
// channels, so lanes are channels.
#pragma once

#include "ops/cpu/convolution/axis.h"
#include "ops/cpu/convolution/gathered_product.h"
#include "ops/cpu/convolution/geometry.h"

namespace osteon::cpu::OSTEON_CPU_SET {

inline bool is_depthwise(const Geometry& g) {
  return g.conv.groups == g.channels && g.filters == g.channels;
}

// output[c] = the sum over the taps of both axes of input[c] weight[c, tap], and what `finish`
// adds. Each list of axes covers all output coordinates.
struct Depthwise {
  std::int64_t images, channels;
  std::vector<Axis> rows, columns;
  const float* weight;  // [channels, kernel_height, kernel_width]
  std::int64_t kernel_height, kernel_width;
  Finish finish;
  const float* input;
  const float* residual;
  float* output;
};
void run_depthwise(const Depthwise& problem);

// dweight [C,R,S,1] from dy and x.
void depthwise_backward_weight(const Geometry& g, const float* dy, const float* x, float* dweight);

}  // namespace osteon::cpu::OSTEON_CPU_SET
