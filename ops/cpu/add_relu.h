// Addition of a residual and ReLU, in place on an existing output.
#pragma once

#include "base/instruction_set.h"
#include "tensor/tensor.h"

namespace osteon {

// y <- y + residual, then max(0, y) if `relu`; residual has the shape and dtype of y, or is
// undefined.
OSTEON_CPU_KERNEL(add_relu, const Tensor& residual, bool relu, const Tensor& y)

}  // namespace osteon
