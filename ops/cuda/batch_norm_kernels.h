// Batch normalisation with our own kernels, for the cases without a cuDNN plan: any floating-point
// dtype and any number of channels. The arguments are those of kernels.h.
#pragma once

#include "ops/kernels.h"

namespace osteon::cuda {

// With both ReLU and residual, relu_mask.own becomes the ReLU mask: one bit per element (u8, lowest
// bit first). Without a residual the mask can be recomputed from x.
void generic_batch_norm_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                const Tensor& residual, const BatchNormOptions& options,
                                const Tensor& running_mean, const Tensor& running_var,
                                const Tensor& mean, const Tensor& inverse_std, const Tensor& y,
                                ReluMask& relu_mask);
// dx may share x's memory, and dresidual dy's.
void generic_batch_norm_backward(const BatchNormBackward& arguments);

}  // namespace osteon::cuda
