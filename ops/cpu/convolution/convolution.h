// Our own convolutions in f32 on images [N,H,W,C]; tile.h explains how they work. Arguments as in
// ops/kernels.h. The same bits for any number of threads.
#pragma once

#include "base/instruction_set.h"
#include "ops/ops.h"

namespace osteon {

OSTEON_CPU_KERNEL(direct_conv2d_forward, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& residual, Activation activation, const Conv2dOptions& options,
                  const Tensor& y)
OSTEON_CPU_KERNEL(direct_conv2d_backward_input, const Tensor& dy, const Tensor& weight,
                  const Conv2dOptions& options, const Tensor& addend, const Tensor& dx)
OSTEON_CPU_KERNEL(direct_conv2d_backward_weight, const Tensor& dy, const Tensor& x,
                  const Conv2dOptions& options, const Tensor& dweight)

// The same for 3x3 kernels of stride 1 without dilation or groups, by Winograd's transforms on
// tiles of `outputs` x `outputs` pixels, 2 or 4 (winograd_transform.h).
OSTEON_CPU_KERNEL(winograd_conv2d_forward, int outputs, const Tensor& x, const Tensor& weight,
                  const Tensor& bias, const Tensor& residual, Activation activation,
                  const Conv2dOptions& options, const Tensor& y)
OSTEON_CPU_KERNEL(winograd_conv2d_backward_input, int outputs, const Tensor& dy,
                  const Tensor& weight, const Conv2dOptions& options, const Tensor& addend,
                  const Tensor& dx)
OSTEON_CPU_KERNEL(winograd_conv2d_backward_weight, int outputs, const Tensor& dy, const Tensor& x,
                  const Conv2dOptions& options, const Tensor& dweight)

}  // namespace osteon
