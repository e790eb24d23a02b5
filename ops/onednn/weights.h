// Weights in the layout and precision that a primitive wants them in, kept for as long as the
// weights stay what they are: a layer's are reordered once a training step, or once for all batches
// of an evaluation.
#pragma once

#include <dnnl.hpp>

#include "tensor/tensor.h"

namespace osteon::onednn {

// `weight`, which `plain` describes, as `wanted` describes it: its own memory where that is the
// same, else a reordered copy that is made again when the tensor's version has moved.
dnnl::memory prepared_weight(const Tensor& weight, const dnnl::memory::desc& plain,
                             const dnnl::memory::desc& wanted);

}  // namespace osteon::onednn
