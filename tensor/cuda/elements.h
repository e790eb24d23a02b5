// The few loops over elements that tensors need without being ops; the twins of those in
// tensor/cpu/elements.h. tensor/tensor.cpp checks shapes and dtypes and counts versions.
#pragma once

#include "tensor/tensor.h"

namespace osteon::cuda {

void fill(const Tensor& x, double value);
// x <- source of any dtype on the same device, rounded as copy_ in tensor/tensor.h says.
void copy(const Tensor& x, const Tensor& source);
// x <- x + y.
void add(const Tensor& x, const Tensor& y);

}  // namespace osteon::cuda
