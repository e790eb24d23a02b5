// Shared code for oneDNN: the engine, the description of tensors, and the scratchpad.
#pragma once

#include <dnnl.hpp>
#include <unordered_map>

#include "tensor/tensor.h"

namespace osteon::onednn {

using Arguments = std::unordered_map<int, dnnl::memory>;

const dnnl::engine& engine();

// f32 or bf16; oneDNN supports no other dtype of our tensors.
dnnl::memory::data_type data_type(DType dtype);

// The tensor's memory, as `desc` describes it.
dnnl::memory memory_of(const dnnl::memory::desc& desc, const Tensor& tensor);

// Runs a primitive with a user-provided scratchpad and waits for it. The scratchpad is one buffer
// per thread, as large as the largest request so far.
void run(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
         Arguments arguments);

// Attributes for such a primitive.
dnnl::primitive_attr with_user_scratchpad();

}  // namespace osteon::onednn
