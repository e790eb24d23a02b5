// The parameters of the layers, their initial values, and the calls of the ops.
#include "nn/layers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "nn/checkpoint.h"
#include "nn/init.h"
#include "nn/sync_batch_norm.h"

namespace osteon {
namespace {

Tensor unset(Shape shape) {
  return full(std::move(shape), std::numeric_limits<double>::quiet_NaN());
}

double inverse_sqrt(std::int64_t n) { return 1 / std::sqrt(static_cast<double>(n)); }

}  // namespace

Tensor in_dtype_of(const Tensor& x, const Tensor& parameter) {
  const bool mixed =
      parameter.defined() && x.dtype() == DType::bf16 && parameter.dtype() == DType::f32;
  return mixed ? cast(parameter, DType::bf16) : parameter;
}

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

Tensor Conv2d::forward(const Tensor& x) { return conv2d(x, weight, bias, options_for(x)); }

Padding same_padding(const Tensor& images, Spatial kernel_size, Spatial stride, Spatial dilation) {
  OSTEON_CHECK(images.rank() == 4, "same_padding: images ", images.shape(), " are not [N,H,W,C]");
  const auto missing = [](std::int64_t extent, std::int64_t kernel, std::int64_t step,
                          std::int64_t spread) {
    const std::int64_t outputs = (extent + step - 1) / step;
    return std::max<std::int64_t>((outputs - 1) * step + spread * (kernel - 1) + 1 - extent, 0);
  };
  const std::int64_t rows =
      missing(images.dim(1), kernel_size.height, stride.height, dilation.height);
  const std::int64_t columns =
      missing(images.dim(2), kernel_size.width, stride.width, dilation.width);
  return {rows / 2, rows - rows / 2, columns / 2, columns - columns / 2};
}

Conv2dOptions Conv2dSame::options_for(const Tensor& x) const {
  Conv2dOptions same = options;
  same.padding = same_padding(x, {weight.dim(1), weight.dim(2)}, options.stride, options.dilation);
  return same;
}

Tensor MaxPool2dSame::forward(const Tensor& x) {
  Pool2dOptions same = options;
  same.padding = same_padding(x, options.kernel_size, options.stride);
  return max_pool2d(x, same);
}

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

Tensor BatchNorm2d::forward(const Tensor& x) { return normalise(x, {}, Activation::none); }

Tensor BatchNorm2d::relu(const Tensor& x, const Tensor& residual) {
  const std::array inputs{x, residual};
  return observed(inputs, [&] { return normalise(x, residual, Activation::relu); });
}

Tensor BatchNorm2d::activated(const Tensor& x, Activation activation) {
  return observed({&x, 1}, [&] { return normalise(x, {}, activation); });
}

Tensor BatchNorm2d::add(const Tensor& x, const Tensor& residual) {
  const std::array inputs{x, residual};
  return observed(inputs, [&] { return normalise(x, residual, Activation::none); });
}

void BatchNorm2d::count_batch() {
  if (is_training() && !is_recomputing()) ++*num_batches_tracked.data<std::int64_t>();
}

Tensor BatchNorm2d::normalise(const Tensor& x, const Tensor& residual, Activation activation) {
  count_batch();
  const auto norm = is_synchronised && is_training() ? sync_batch_norm : batch_norm;
  return norm(x, weight, bias, is_recomputing() ? running_mean.clone() : running_mean,
              is_recomputing() ? running_var.clone() : running_var,
              {is_training(), momentum, epsilon, activation}, residual);
}

LayerNorm::LayerNorm(std::int64_t channels, double epsilon_)
    : weight(full({channels}, 1)), bias(zeros({channels})), epsilon(epsilon_) {
  register_parameter("weight", weight);
  register_parameter("bias", bias);
}

void LayerNorm::initialise(const ParameterStreams&) {
  fill_(weight, 1);
  fill_(bias, 0);
}

GroupNorm::GroupNorm(std::int64_t groups_, std::int64_t channels, double epsilon_)
    : weight(full({channels}, 1)), bias(zeros({channels})), groups(groups_), epsilon(epsilon_) {
  register_parameter("weight", weight);
  register_parameter("bias", bias);
}

void GroupNorm::initialise(const ParameterStreams&) {
  fill_(weight, 1);
  fill_(bias, 0);
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
  return linear(x, in_dtype_of(x, weight), in_dtype_of(x, bias));
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
  if (!is_training() || p == 0) return x;
  OSTEON_CHECK(key_.defined(),
               "Dropout: the random key is not set; call set_randomness before each training step");
  if (!x.device().is_cuda()) return drop(x, key_);
  if (!device_key_.defined() || device_key_.device() != x.device())
    device_key_ = key_.to(x.device());
  return drop(x, device_key_);
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const auto& layer : layers_) y = (*layer)(y);
  return y;
}

}  // namespace osteon
