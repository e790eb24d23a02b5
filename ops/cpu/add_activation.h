// Addition of a residual and an activation, in place on an existing output.
#pragma once

#include "base/instruction_set.h"
#include "ops/ops.h"

namespace osteon {

// y <- activation(y + residual); residual has the shape and dtype of y, or is undefined.
OSTEON_CPU_KERNEL(add_activation, const Tensor& residual, Activation activation, const Tensor& y)

}  // namespace osteon
