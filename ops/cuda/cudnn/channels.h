// Channels added for cuDNN, whose fast kernels want a multiple of eight, and taken away again.
#pragma once

#include "tensor/tensor.h"

namespace osteon::cuda {

// y [..., to] = x [..., C] with zeros in channels C to to - 1. Any floating-point dtypes; converts
// as copy_ does.
void pad_channels(const Tensor& x, std::int64_t to, const Tensor& y);
// y [..., C] = the first C channels of x [..., D]; converts likewise.
void crop_channels(const Tensor& x, const Tensor& y);

}  // namespace osteon::cuda
