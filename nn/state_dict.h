// A model's parameters and buffers in the form of files: torchvision's names, f32, and filters in
// PyTorch's layout, [K, C/groups, R, S]. Only this file converts between the layouts.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/safetensors.h"

namespace osteon {

// A copy of a filter [K,R,S,C] as [K,C,R,S] and back; a tensor of another rank is returned
// unchanged.
Tensor to_file_layout(const Tensor& x);
Tensor from_file_layout(const Tensor& x);

// All parameters and buffers in the form of files, with num_batches_tracked as i64.
NamedTensors state_dict(const Module& module);

// Copies a state dict in the form of files into the module, converting dtypes. If tensors are
// missing, unexpected or of another shape, throws one Error that lists them and changes nothing.
// Files of old PyTorch versions have no num_batches_tracked; that counter then starts at 0.
//
// `head`, if not empty, names a module (Architecture::head in nn/models.h) whose tensors may be
// missing or have another shape: then the whole head is left unchanged. Returns the names of the
// unchanged tensors.
std::vector<std::string> load_state_dict(Module& module, const NamedTensors& state,
                                         const std::string& head = "");

}  // namespace osteon
