// A convolution and the following batch norm, computed as one convolution if the result is the
// same.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/activation.h"
#include "nn/layers.h"

namespace osteon {

// Two layers of a model, held by reference. In evaluation mode without gradients they are one
// convolution
//
//   weight'[k] = weight[k] s[k],  bias'[k] = bias[k] + s[k] (conv_bias[k] - mean[k]),
//   s[k] = norm_weight[k] / sqrt(var[k] + epsilon)
//
// with residual and activation in the same pass (conv2d_add_activation, ops.h): equal up to
// rounding, without the memory traffic of three passes. The folded weights are cached until a
// parameter or a running statistic changes, or training begins. If ops or modules are observed, or
// with the reference back end, the layers run separately.
class ConvBatchNorm {
 public:
  ConvBatchNorm(Conv2d& conv, BatchNorm2d& norm) : conv_(conv), norm_(norm) {}

  // activation(batch_norm(conv(x))).
  Tensor operator()(const Tensor& x, Activation activation = Activation::none);
  // max(0, batch_norm(conv(x)) + residual); residual may be undefined.
  Tensor relu(const Tensor& x, const Tensor& residual = {});
  // batch_norm(conv(x)) + residual.
  Tensor add(const Tensor& x, const Tensor& residual);

 private:
  bool may_fold(const Tensor& x) const;
  Tensor folded(const Tensor& x, const Tensor& residual, Activation activation);
  void fold();
  void forget();

  Conv2d& conv_;
  BatchNorm2d& norm_;
  // The folded weights, and the tensors and versions that they were computed from.
  Tensor weight_, bias_;
  Tensors sources_;
  std::vector<std::uint64_t> versions_;
};

}  // namespace osteon
