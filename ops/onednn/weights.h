// Weights in the layout and precision of a primitive. A training step uses each layout once, so its
// copy is freed at once. An evaluation uses the same copy for all batches, so it is cached until
// the weights change.
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
