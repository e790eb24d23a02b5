// The parameters of the layers, their initial values, and the calls of the ops.
#include "nn/layers.h"

#include <array>
#include <cmath>
#include <limits>

#include "nn/init.h"

namespace osteon {
namespace {

Tensor unset(Shape shape) {
  return full(std::move(shape), std::numeric_limits<double>::quiet_NaN());
}

// The parameter, cast to x's dtype for a product with x.
Tensor for_product_with(const Tensor& x, const Tensor& parameter) {
  const bool mixed =
      parameter.defined() && x.dtype() == DType::bf16 && parameter.dtype() == DType::f32;
  return mixed ? cast(parameter, DType::bf16) : parameter;
}

double inverse_sqrt(std::int64_t n) { return 1 / std::sqrt(static_cast<double>(n)); }

}  // namespace

Conv2d::Conv2d(std::int64_t in_channels, std::int64_t out_channels, Spatial kernel_size,
               const Conv2dOptions& options_, bool with_bias)
    : options(options_) {
  OSTEON_CHECK(options.groups >= 1 && in_channels % options.groups == 0, "Conv2d: ", in_channels,
               " input channels do not divide into ", options.groups, " groups");
  weight =
      unset({out_channels, kernel_size.height, kernel_size.width, in_channels / options.groups});
  register_parameter("weight", weight);
  if (!with_bias) return;
  bias = unset({out_channels});
  register_parameter("bias", bias);
}

void Conv2d::initialise(const ParameterStreams& streams) {
  kaiming_normal_fan_out_(weight, streams("weight"));
  const std::int64_t fan_in = weight.dim(1) * weight.dim(2) * weight.dim(3);
  if (bias.defined()) uniform_(bias, inverse_sqrt(fan_in), streams("bias"));
}

Tensor Conv2d::forward(const Tensor& x) { return conv2d(x, weight, bias, options); }

BatchNorm2d::BatchNorm2d(std::int64_t channels, double momentum_, double epsilon_)
    : weight(full({channels}, 1)),
      bias(zeros({channels})),
      running_mean(zeros({channels})),
      running_var(full({channels}, 1)),
      num_batches_tracked(zeros({}, DType::i64)),
      momentum(momentum_),
      epsilon(epsilon_) {
  register_parameter("weight", weight);
  register_parameter("bias", bias);
  register_buffer("running_mean", running_mean);
  register_buffer("running_var", running_var);
  register_buffer("num_batches_tracked", num_batches_tracked);
}

void BatchNorm2d::initialise(const ParameterStreams&) {
  fill_(weight, 1);
  fill_(bias, 0);
}

Tensor BatchNorm2d::forward(const Tensor& x) { return normalise(x, {}, false); }

Tensor BatchNorm2d::relu(const Tensor& x, const Tensor& residual) {
  const std::array inputs{x, residual};
  return observed(inputs, [&] { return normalise(x, residual, true); });
}

void BatchNorm2d::count_batch() {
  if (is_training()) ++*num_batches_tracked.data<std::int64_t>();
}

Tensor BatchNorm2d::normalise(const Tensor& x, const Tensor& residual, bool relu) {
  count_batch();
  return batch_norm(x, weight, bias, running_mean, running_var,
                    {is_training(), momentum, epsilon, relu}, residual);
}

Linear::Linear(std::int64_t in_features, std::int64_t out_features, bool with_bias)
    : weight(unset({out_features, in_features})) {
  register_parameter("weight", weight);
  if (!with_bias) return;
  bias = unset({out_features});
  register_parameter("bias", bias);
}

void Linear::initialise(const ParameterStreams& streams) {
  uniform_(weight, inverse_sqrt(weight.dim(1)), streams("weight"));
  if (bias.defined()) uniform_(bias, inverse_sqrt(weight.dim(1)), streams("bias"));
}

Tensor Linear::forward(const Tensor& x) {
  return linear(x, for_product_with(x, weight), for_product_with(x, bias));
}

Dropout::Dropout(double p_) : p(p_) {
  OSTEON_CHECK(p >= 0 && p < 1, "Dropout: probability ", p, " is not in [0, 1)");
}

void Dropout::set_random_key(const RandomKey& key) {
  if (!key_.defined()) key_ = Tensor({4}, DType::i64);
  auto* numbers = key_.data<std::int64_t>();
  numbers[0] = static_cast<std::int64_t>(key.seed);
  numbers[1] = static_cast<std::int64_t>(key.stream);
  numbers[2] = key.step;
  numbers[3] = key.first_sample;
  key_.bump_version();
  if (device_key_.defined()) copy_(device_key_, key_);
}

Tensor Dropout::forward(const Tensor& x) {
  if (!is_training()) return x;
  OSTEON_CHECK(key_.defined(),
               "Dropout: the random key is not set; call set_randomness before each training step");
  if (!x.device().is_cuda()) return dropout(x, p, key_);
  if (!device_key_.defined() || device_key_.device() != x.device())
    device_key_ = key_.to(x.device());
  return dropout(x, p, device_key_);
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const auto& layer : layers_) y = (*layer)(y);
  return y;
}

}  // namespace osteon
