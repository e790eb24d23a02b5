// Weights in the layout and precision of a primitive (ops/weight_copies.h).
#pragma once

#include <dnnl.hpp>

#include "tensor/tensor.h"

namespace osteon::onednn {

// `weight`, described by `plain`, in the layout `wanted`: the same memory if the two are equal,
// else a reordered copy. If `keep`, the next call reuses the copy unless the tensor's version has
// changed. The result may be the only owner of its memory: keep it while the memory is in use.
Tensor prepared_weight(const Tensor& weight, const dnnl::memory::desc& plain,
                       const dnnl::memory::desc& wanted, bool keep);

}  // namespace osteon::onednn
