// What every use of oneDNN here shares: the engine, how tensors are described to it, and the memory
// primitives compute in.
#pragma once

#include <dnnl.hpp>
#include <unordered_map>

#include "tensor/tensor.h"

namespace osteon::onednn {

using Arguments = std::unordered_map<int, dnnl::memory>;

const dnnl::engine& engine();

// f32 or bf16; oneDNN computes in nothing else that tensors have.
dnnl::memory::data_type data_type(DType dtype);

// The tensor's memory, as `desc` describes it.
dnnl::memory memory_of(const dnnl::memory::desc& desc, const Tensor& tensor);

// Runs a primitive that was made for a scratchpad of the user's, and waits for it. The scratchpad
// is one buffer a thread, as large as the largest so far.
void run(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
         Arguments arguments);

// Attributes for such a primitive.
dnnl::primitive_attr with_user_scratchpad();

}  // namespace osteon::onednn
