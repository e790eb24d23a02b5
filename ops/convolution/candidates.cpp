// The table of kernels.
#include "ops/convolution/candidates.h"

#include <array>

#include "ops/backend.h"
#include "ops/cpu/convolution/convolution.h"
#include "ops/onednn/onednn.h"

namespace osteon::convolution {
namespace {

bool run_direct(const Call& c) {
  if (c.direction == Direction::forward)
    cpu::direct_conv2d_forward(c.x, c.weight, c.bias, c.residual, c.activation, c.options, c.y);
  else if (c.direction == Direction::backward_input)
    cpu::direct_conv2d_backward_input(c.y, c.weight, c.options, c.residual, c.x);
  else
    cpu::direct_conv2d_backward_weight(c.y, c.x, c.options, c.weight);
  return true;
}

bool fits_winograd(const Problem& p) {
  return p.x.dtype() == DType::f32 && p.weight.dim(1) == 3 && p.weight.dim(2) == 3 &&
         p.options.stride == Spatial(1) && p.options.dilation == Spatial(1) &&
         p.options.groups == 1;
}

template <int outputs>
bool run_winograd(const Call& c) {
  if (c.direction == Direction::forward)
    cpu::winograd_conv2d_forward(outputs, c.x, c.weight, c.bias, c.residual, c.activation,
                                 c.options, c.y);
  else if (c.direction == Direction::backward_input)
    cpu::winograd_conv2d_backward_input(outputs, c.y, c.weight, c.options, c.residual, c.x);
  else
    cpu::winograd_conv2d_backward_weight(outputs, c.y, c.x, c.options, c.weight);
  return true;
}

bool run_onednn(const Call& c) {
  if (c.direction == Direction::forward)
    return onednn::conv2d_forward(c.x, c.weight, c.bias, c.residual, c.activation, c.options, c.y);
  if (c.direction == Direction::backward_weight)
    return onednn::conv2d_backward_weight(c.y, c.x, c.options, c.weight);
  if (!onednn::conv2d_backward_input(c.y, c.weight, c.options, c.x)) return false;
  if (c.residual.defined()) add_(c.x, c.residual);
  return true;
}

// In the order of the enum.
const std::array<Candidate, kKernels> kCandidates = {{
    {"direct", [](const Problem& p) { return p.x.dtype() == DType::f32; }, run_direct, 1},
    {"winograd_2x2", fits_winograd, run_winograd<2>, 1},
    // The transforms multiply by up to 81/64 + 45/16 + 1 = 5.1 in each of two axes, and what they
    // add up cancels, so single rounding errors grow. Seen: 2.6 in outputs, 7 in 2.5 million
    // elements of a filter gradient that sums over 16 pixels.
    {"winograd_4x4", fits_winograd, run_winograd<4>, 10},
    {"onednn",
     [](const Problem& p) {
       return has_fast_path() && (p.x.dtype() == DType::f32 || p.x.dtype() == DType::bf16);
     },
     run_onednn, 1},
}};

}  // namespace

const Candidate& candidate(Kernel kernel) { return kCandidates[static_cast<std::size_t>(kernel)]; }

}  // namespace osteon::convolution
