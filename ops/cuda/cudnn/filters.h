// The filters of a convolution as bf16.
#pragma once

#include "tensor/tensor.h"

namespace osteon::cuda {

// `weight` rounded to bf16: from the set of the scope (ops/rounded_filters.h), else a new copy.
Tensor rounded_filters(const Tensor& weight);

}  // namespace osteon::cuda
