// Padding and cropping of channels for cuDNN, whose fast kernels need a multiple of eight channels.
#pragma once

#include "tensor/tensor.h"

namespace osteon::cuda {

// y [..., to] = x [..., C] with zeros in channels C to to - 1. Any floating-point dtypes, converted
// like copy_.
void pad_channels(const Tensor& x, std::int64_t to, const Tensor& y);
// y [..., C] = the first C channels of x [..., D], converted in the same way.
void crop_channels(const Tensor& x, const Tensor& y);

}  // namespace osteon::cuda
