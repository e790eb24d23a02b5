// The kernel ladder of docs/book/06-kernels.md: softmax and batch norm for a CUDA device, each in
// four versions, from naive to vectorised. For reading; the product's kernels are in ops/cuda/.
#pragma once

#include "tensor/tensor.h"

namespace osteon::ladder {

// y [rows, columns] = softmax of each row of x [rows, columns]; both f32, dense and on one device.
// All inputs are finite.
struct SoftmaxVersion {
  const char* name;
  void (*run)(const Tensor& x, const Tensor& y);
};
// The last version needs a multiple of 4 columns, at most 1024, and throws Error otherwise.
extern const SoftmaxVersion kSoftmaxVersions[4];

// y = ReLU((x - mean) inverse_std weight + bias) with the statistics of the batch:
// mean[c] and inverse_std[c] = 1 / sqrt(variance + epsilon) over the rows of x [rows, channels].
// (An image batch [N, H, W, C] is N H W rows.) All are f32, dense and on one device.
struct BatchNormCall {
  Tensor x, weight, bias;
  float epsilon;
  Tensor mean, inverse_std, y;  // written
};
struct BatchNormVersion {
  const char* name;
  void (*run)(const BatchNormCall& call);
};
// The last version needs a multiple of 4 channels and throws Error otherwise.
extern const BatchNormVersion kBatchNormVersions[4];

}  // namespace osteon::ladder
