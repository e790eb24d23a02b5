// Batch normalisation by our own kernels, for what cuDNN has no plan for: any floating-point dtype
// and any number of channels. The arguments are those of kernels.h.
#pragma once

#include "ops/kernels.h"

namespace osteon::cuda {

// Where there are both ReLU and residual, relu_mask.own becomes a bit an element (u8, the lowest
// bit first), set where the ReLU let through; without a residual x tells.
void generic_batch_norm_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                const Tensor& residual, const BatchNormOptions& options,
                                const Tensor& running_mean, const Tensor& running_var,
                                const Tensor& mean, const Tensor& inverse_std, const Tensor& y,
                                ReluMask& relu_mask);
// dx may be x's own memory and dresidual dy's.
void generic_batch_norm_backward(const BatchNormBackward& arguments);

}  // namespace osteon::cuda
