// The few loops over elements that tensors need without being ops, on the CPU; the twins of those
// in tensor/cuda/elements.h. tensor/tensor.cpp checks shapes and dtypes and counts versions.
#pragma once

#include "base/instruction_set.h"
#include "tensor/tensor.h"

namespace osteon {

OSTEON_CPU_KERNEL(fill, const Tensor& x, double value)
// x <- source of any dtype, rounded as copy_ in tensor/tensor.h says.
OSTEON_CPU_KERNEL(copy, const Tensor& x, const Tensor& source)
// x <- x + y.
OSTEON_CPU_KERNEL(add_in_place, const Tensor& x, const Tensor& y)

}  // namespace osteon
