// fill, copy and add on the CPU. tensor/tensor.cpp checks shapes and dtypes, counts versions and
// calls these. The CUDA versions are in tensor/cuda/elements.h.
#pragma once

#include "base/instruction_set.h"
#include "tensor/tensor.h"

namespace osteon {

OSTEON_CPU_KERNEL(fill, const Tensor& x, double value)
// x <- source of any dtype, rounded by the rules of copy_ in tensor/tensor.h.
OSTEON_CPU_KERNEL(copy, const Tensor& x, const Tensor& source)
// x <- x + y.
OSTEON_CPU_KERNEL(add_in_place, const Tensor& x, const Tensor& y)

}  // namespace osteon
