// Weights in the layout and precision that a primitive wants them in. A training step uses each of
// its layouts once, so a copy for it goes at once; an evaluation uses the same for all batches, so
// that is kept for as long as the weights stay what they are.
#pragma once

#include <dnnl.hpp>

#include "tensor/tensor.h"

namespace osteon::onednn {

// `weight`, which `plain` describes, as `wanted` describes it: its own memory where that is the
// same, else a reordered copy. If `keep`, the copy is found again by the next call, and made again
// when the tensor's version has moved. The result's memory may be freed with it.
Tensor prepared_weight(const Tensor& weight, const dnnl::memory::desc& plain,
                       const dnnl::memory::desc& wanted, bool keep);

}  // namespace osteon::onednn
