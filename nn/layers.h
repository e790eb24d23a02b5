// The layers models are made of: an op of ops.h each, with the parameters it needs.
//
// Precision: a layer computes in the dtype of its input. In bf16 the parameters stay f32, so that
// small updates are not lost, and so do their gradients: convolution and batch norm take them as
// they are, a linear layer casts them where it uses them.
//
// A layer's weights are NaN until initialize_parameters (nn/init.h) or a checkpoint fills them: a
// model that was forgotten shows it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"
#include "ops/ops.h"

namespace osteon {

// conv2d (ops.h) of [N,H,W,in_channels]. Starts with kaiming_normal_fan_out_; the bias, if any, is
// uniform in ±1 / sqrt(R S C / groups), as PyTorch's.
class Conv2d : public Module {
 public:
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, Spatial kernel_size,
         const Conv2dOptions& options = {}, bool with_bias = true);
  void initialize(const ParameterStreams& streams) override;

  Tensor weight;  // [K,R,S,C/groups]
  Tensor bias;    // [K] or undefined
  const Conv2dOptions options;

 protected:
  Tensor forward(const Tensor& x) override;
};

// batch_norm (ops.h) of [..., channels]. In training mode it normalises by the batch, moves the
// running statistics and counts the batch; else it normalises by the running statistics. Starts
// with weight 1 and bias 0.
class BatchNorm2d : public Module {
 public:
  explicit BatchNorm2d(std::int64_t channels, double momentum = 0.1, double epsilon = 1e-5);
  void initialize(const ParameterStreams& streams) override;

  // max(0, batch_norm(x) + residual) in one pass over memory; residual may be undefined.
  Tensor relu(const Tensor& x, const Tensor& residual = {});

  void replayed() override { count_batch(); }

  Tensor weight, bias, running_mean, running_var;  // [channels]
  Tensor num_batches_tracked;                      // i64, scalar: batches seen in training
  const double momentum, epsilon;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  void count_batch();
  Tensor normalize(const Tensor& x, const Tensor& residual, bool relu);
};

// linear (ops.h) of [..., in_features]. Starts with weight and bias uniform in ±1 / sqrt(in), as
// PyTorch's.
class Linear : public Module {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, bool with_bias = true);
  void initialize(const ParameterStreams& streams) override;

  Tensor weight;  // [out,in]
  Tensor bias;    // [out] or undefined

 protected:
  Tensor forward(const Tensor& x) override;
};

class ReLU : public Module {
 protected:
  Tensor forward(const Tensor& x) override { return relu(x); }
};

class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(const Pool2dOptions& options_) : options(options_) {}
  const Pool2dOptions options;

 protected:
  Tensor forward(const Tensor& x) override { return max_pool2d(x, options); }
};

class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const Pool2dOptions& options_) : options(options_) {}
  const Pool2dOptions options;

 protected:
  Tensor forward(const Tensor& x) override { return avg_pool2d(x, options); }
};

// [N,H,W,C] -> [N,C].
class GlobalAvgPool2d : public Module {
 protected:
  Tensor forward(const Tensor& x) override { return global_avg_pool2d(x); }
};

// dropout (ops.h) in training mode, the identity otherwise. Throws Error in training mode before
// set_randomness was called.
class Dropout : public Module {
 public:
  // Zeroes with probability p, 0 <= p < 1.
  explicit Dropout(double p);
  void set_random_key(const RandomKey& key) override;

  const double p;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Tensor key_;         // seed, stream, step, first sample; undefined until set
  Tensor device_key_;  // its copy where the input was last, if not on the CPU
};

// Modules one after the other, named 0, 1, ...
class Sequential : public Module {
 public:
  // Appends a Layer made from `arguments`: sequential.append<Linear>(512, 10).
  template <class Layer, class... Arguments>
  Layer& append(Arguments&&... arguments) {
    auto layer = std::make_unique<Layer>(std::forward<Arguments>(arguments)...);
    Layer& reference = *layer;
    register_module(std::to_string(layers_.size()), reference);
    layers_.push_back(std::move(layer));
    return reference;
  }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  std::vector<std::unique_ptr<Module>> layers_;
};

}  // namespace osteon
