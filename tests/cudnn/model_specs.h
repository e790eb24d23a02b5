// The cuDNN specs of a model, observed in a run on the CPU. The spec of each observed op is made by
// the same functions as in the CUDA kernels.
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
// fp32, tf32 or bf16; throws UsageError for another name.
Precision precision_from_name(const std::string& name);

// One observed convolution, batch norm or attention, with the batch size and dtype of the
// observation.
struct ObservedOp {
  cuda::CudnnSpec spec;
  // In backward, at an output of a batch norm with a ReLU where paths join: in bf16 the data
  // gradient multiplies by the ReLU mask, and so the batch norm need not.
  bool masked_in_bf16 = false;
  // The spec for another batch size and precision.
  cuda::CudnnSpec in(std::int64_t batch_size, const Precision& precision) const;
};

// Whether the kernels give it to cuDNN; our own kernels compute other batch norms, and separate ops
// other attention.
bool is_computed_by_cudnn(const cuda::CudnnSpec& spec);

// The ops of a training step (forward and backward) on images of this size. The model's parameters
// get gradients.
std::vector<ObservedOp> observe_training(Module& model, std::int64_t image_size);

// The ops of inference, in which each batch norm is folded into the convolution before it
// (nn/conv_batch_norm.h).
std::vector<ObservedOp> observe_inference(Module& model, std::int64_t image_size);

}  // namespace osteon
