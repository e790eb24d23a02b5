// The layers of models: each is an op of ops.h with its parameters.
//
// Precision: a layer computes in the dtype of its input. In bf16, parameters stay f32, so that
// small updates are not lost, and so do their gradients. Convolution and batch norm accept f32
// parameters; a linear layer casts them.
//
// Parameters are NaN until initialise_parameters (nn/init.h) or a checkpoint fills them:
// uninitialised weights are then visible in every result.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"
#include "ops/ops.h"

namespace osteon {

// The parameter, which may be undefined, for an op with x that takes one dtype only: cast to bf16
// if it is f32 and x is bf16.
Tensor in_dtype_of(const Tensor& x, const Tensor& parameter);

// conv2d (ops.h) of [N,H,W,in_channels]. The weight is initialised by kaiming_normal_fan_out_; the
// bias, if any, is uniform in ±1 / sqrt(R S C / groups), as in PyTorch.
class Conv2d : public Module {
 public:
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, Spatial kernel_size,
         const Conv2dOptions& options = {}, bool with_bias = true);
  void initialise(const ParameterStreams& streams) override;

  // The options of the convolution of x.
  virtual Conv2dOptions options_for(const Tensor&) const { return options; }

  Tensor weight;  // [K,R,S,C/groups]
  Tensor bias;    // [K] or undefined
  const Conv2dOptions options;

 protected:
  Tensor forward(const Tensor& x) override;
};

// TensorFlow's padding "SAME" for images [N,H,W,C]: as much as an output [N, ceil(H / stride),
// ceil(W / stride), K] needs, half of it on each side and the odd one at the bottom and on the
// right.
Padding same_padding(const Tensor& images, Spatial kernel_size, Spatial stride,
                     Spatial dilation = 1);

// Conv2d with this padding. options.padding is not used.
class Conv2dSame : public Conv2d {
 public:
  using Conv2d::Conv2d;
  Conv2dOptions options_for(const Tensor& x) const override;
};

// batch_norm (ops.h) of [..., channels]. In training mode it normalises by the batch's statistics,
// updates the running statistics and counts the batch; otherwise it normalises by the running
// statistics. Initial values: weight 1 and bias 0.
class BatchNorm2d : public Module {
 public:
  explicit BatchNorm2d(std::int64_t channels, double momentum = 0.1, double epsilon = 1e-5);
  void initialise(const ParameterStreams& streams) override;

  // max(0, batch_norm(x) + residual) in one pass over memory; residual may be undefined.
  Tensor relu(const Tensor& x, const Tensor& residual = {});
  // activation(batch_norm(x)) in one pass over memory.
  Tensor activated(const Tensor& x, Activation activation);
  // batch_norm(x) + residual in one pass over memory.
  Tensor add(const Tensor& x, const Tensor& residual);

  // Counts a batch, in training mode. Called by each pass; a model that computes the batch norm by
  // another op calls it itself.
  void count_batch();
  void replayed() override { count_batch(); }

  Tensor weight, bias, running_mean, running_var;  // [channels]
  Tensor num_batches_tracked;                      // i64, scalar: batches seen in training
  const double momentum, epsilon;
  bool is_synchronised = false;  // training: by the statistics of all processes (sync_batch_norm.h)

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Tensor normalise(const Tensor& x, const Tensor& residual, Activation activation);
};

// layer_norm (ops.h) of [..., channels]. Initial values: weight 1 and bias 0.
class LayerNorm : public Module {
 public:
  explicit LayerNorm(std::int64_t channels, double epsilon = 1e-5);
  void initialise(const ParameterStreams& streams) override;

  Tensor weight, bias;  // [channels]
  const double epsilon;

 protected:
  Tensor forward(const Tensor& x) override { return layer_norm(x, weight, bias, epsilon); }
};

// group_norm (ops.h) of [N,H,W,channels]. Initial values: weight 1 and bias 0.
class GroupNorm : public Module {
 public:
  GroupNorm(std::int64_t groups, std::int64_t channels, double epsilon = 1e-5);
  void initialise(const ParameterStreams& streams) override;

  Tensor weight, bias;  // [channels]
  const std::int64_t groups;
  const double epsilon;

 protected:
  Tensor forward(const Tensor& x) override { return group_norm(x, groups, weight, bias, epsilon); }
};

// linear (ops.h) of [..., in_features]. Weight and bias are initialised uniformly in ±1 / sqrt(in),
// as in PyTorch.
class Linear : public Module {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, bool with_bias = true);
  void initialise(const ParameterStreams& streams) override;

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

// MaxPool2d with the padding of same_padding. options.padding is not used.
class MaxPool2dSame : public Module {
 public:
  explicit MaxPool2dSame(const Pool2dOptions& options_) : options(options_) {}
  const Pool2dOptions options;

 protected:
  Tensor forward(const Tensor& x) override;
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

// dropout (ops.h) in training mode, the identity otherwise. In training mode without a previous
// set_randomness it throws Error.
class Dropout : public Module {
 public:
  // Zeroes with probability p, 0 <= p < 1.
  explicit Dropout(double p);
  void set_random_key(const RandomKey& key) override;

  double p;

 protected:
  Tensor forward(const Tensor& x) override;
  virtual Tensor drop(const Tensor& x, const Tensor& key) const { return dropout(x, p, key); }

 private:
  Tensor key_;         // seed, stream, step, first sample; undefined until set
  Tensor device_key_;  // its copy on the input's last device, if that is not the CPU
};

// drop_path (ops.h) in the same way: leaves out the branch of a residual block for some samples.
class DropPath : public Dropout {
 public:
  using Dropout::Dropout;

 protected:
  Tensor drop(const Tensor& x, const Tensor& key) const override { return drop_path(x, p, key); }
};

// Modules in sequence, named 0, 1, ...
class Sequential : public Module {
 public:
  // Appends a Layer constructed from `arguments`: sequential.append<Linear>(512, 10).
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
