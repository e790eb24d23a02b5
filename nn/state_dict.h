// A model's parameters and buffers as files hold them: torchvision's names, f32, and filters as
// PyTorch lays them out, [K, C/groups, R, S]. The layout changes here and nowhere else.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/safetensors.h"

namespace osteon {

// A copy of a filter [K,R,S,C] as [K,C,R,S] and back; a tensor of another rank is returned as it
// is.
Tensor to_file_layout(const Tensor& x);
Tensor from_file_layout(const Tensor& x);

// All parameters and buffers in the files' form, with num_batches_tracked as i64.
NamedTensors state_dict(const Module& module);

// Copies a state dict in the files' form into the module, converting dtypes. Throws one Error that
// lists what the file lacks, what it has too much and what has another shape, and changes nothing
// then. Files of old PyTorch versions lack num_batches_tracked; that counter then starts at 0.
//
// `head`, if not empty, names a module (Architecture::head in nn/models.h) whose tensors may be
// missing or of another shape: such a head is left as it was, all of it. Returns the names of the
// tensors left so.
std::vector<std::string> load_state_dict(Module& module, const NamedTensors& state,
                                         const std::string& head = "");

}  // namespace osteon
