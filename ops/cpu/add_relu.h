// What a residual join does to an output that is there already.
#pragma once

#include "base/instruction_set.h"
#include "tensor/tensor.h"

namespace osteon {

// y <- y + residual, or max(0, that) if `relu`; residual is like y, or undefined.
OSTEON_CPU_KERNEL(add_relu, const Tensor& residual, bool relu, const Tensor& y)

}  // namespace osteon
