// What a model asks of cuDNN, read off a run of it on the CPU: each op that is observed there goes
// through the functions that the CUDA kernels make their specs with.
#pragma once

#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "nn/module.h"
#include "ops/cuda/cudnn/spec.h"

namespace osteon {

using CudnnSpecs = std::unordered_set<cuda::CudnnSpec, cuda::CudnnSpecHash>;

struct Precision {
  DType dtype = DType::f32;
  bool tf32 = false;
};
// Of fp32, tf32 and bf16; throws UsageError for another name.
Precision precision_from_name(const std::string& name);

// One convolution or batch norm as it was observed, of a batch and a dtype of its own.
struct ObservedOp {
  cuda::CudnnSpec spec;
  // The same of another batch in another precision.
  cuda::CudnnSpec in(std::int64_t batch_size, const Precision& precision) const;
};

// Those of a training step (forward and backward) on images of this size. The model's parameters
// get gradients.
std::vector<ObservedOp> observe_training(Module& model, std::int64_t image_size);

// Those of inference, where each batch norm is part of the convolution before it
// (nn/conv_batch_norm.h).
std::vector<ObservedOp> observe_inference(Module& model, std::int64_t image_size);

}  // namespace osteon
