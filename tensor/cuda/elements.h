// fill, copy and add on the device. tensor/tensor.cpp checks arguments, counts versions and calls
// these. The CPU versions are in tensor/cpu/elements.h.
#pragma once

#include "tensor/tensor.h"

namespace osteon::cuda {

void fill(const Tensor& x, double value);
// x <- source of any dtype on the same device, rounded by the rules of copy_ in tensor/tensor.h.
void copy(const Tensor& x, const Tensor& source);
// The same for each pair of two lists in one launch. All x have one floating-point dtype, and so
// have all sources; all are on one device.
void copy(const Tensors& x, const Tensors& sources);
// x <- x + y.
void add(const Tensor& x, const Tensor& y);

}  // namespace osteon::cuda
