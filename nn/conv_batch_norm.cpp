// When a convolution and its batch norm are folded, and the arithmetic of the folding.
#include "nn/conv_batch_norm.h"

#include <cmath>

#include "ops/backend.h"
#include "tensor/cuda/allocator.h"

namespace osteon {

Tensor ConvBatchNorm::operator()(const Tensor& x, Activation activation) {
  if (may_fold(x)) return folded(x, {}, activation);
  forget();
  return norm_.activated(conv_(x), activation);
}

Tensor ConvBatchNorm::relu(const Tensor& x, const Tensor& residual) {
  if (may_fold(x)) return folded(x, residual, Activation::relu);
  forget();
  return norm_.relu(conv_(x), residual);
}

Tensor ConvBatchNorm::add(const Tensor& x, const Tensor& residual) {
  if (may_fold(x)) return folded(x, residual, Activation::none);
  forget();
  return norm_.add(conv_(x), residual);
}

// Frees the folded weights in training, which needs the memory for other data.
void ConvBatchNorm::forget() {
  if (!norm_.is_training()) return;
  weight_ = bias_ = Tensor();
  sources_.clear();
}

bool ConvBatchNorm::may_fold(const Tensor& x) const {
  return !norm_.is_training() && !is_grad_enabled() && !is_observed() && !modules_are_observed() &&
         backend() != Backend::reference && (x.dtype() == DType::f32 || x.dtype() == DType::bf16) &&
         conv_.weight.dtype() == DType::f32;
}

Tensor ConvBatchNorm::folded(const Tensor& x, const Tensor& residual, Activation activation) {
  const Tensors sources{conv_.weight, conv_.bias,         norm_.weight,
                        norm_.bias,   norm_.running_mean, norm_.running_var};
  std::vector<std::uint64_t> versions;
  bool fresh = sources_.size() == sources.size();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    versions.push_back(sources[i].defined() ? sources[i].version() : 0);
    fresh = fresh && sources_[i].is_same(sources[i]);
  }
  if (!fresh || versions != versions_) {
    fold();
    sources_ = sources;
    versions_ = std::move(versions);
  }
  return conv2d_add_activation(x, weight_, bias_, residual, activation, conv_.options_for(x));
}

// Computed on the CPU, also for a model on another device: this happens only once per change of the
// parameters.
void ConvBatchNorm::fold() {
  const auto host = [](const Tensor& x) { return x.defined() ? x.to(Device::cpu()) : x; };
  const Tensor conv_weight = host(conv_.weight), conv_bias = host(conv_.bias);
  const Tensor scale_of = host(norm_.weight), shift_of = host(norm_.bias);
  const Tensor mean = host(norm_.running_mean), var = host(norm_.running_var);
  const Tensor weight = empty_like(conv_weight), bias = empty_like(shift_of);
  const std::int64_t channels = weight.dim(0), size = weight.numel() / channels;
  for (std::int64_t k = 0; k < channels; ++k) {
    const auto at = [k](const Tensor& x) { return static_cast<double>(x.data<float>()[k]); };
    const double scale = at(scale_of) / std::sqrt(at(var) + norm_.epsilon);
    const double offset = (conv_bias.defined() ? at(conv_bias) : 0) - at(mean);
    bias.data<float>()[k] = static_cast<float>(at(shift_of) + scale * offset);
    const auto factor = static_cast<float>(scale);
    const float* from = conv_weight.data<float>() + k * size;
    float* to = weight.data<float>() + k * size;
    for (std::int64_t i = 0; i < size; ++i) to[i] = from[i] * factor;
  }
  const Device device = conv_.weight.device();
  // Inference may run in an arena of its own, which must not outlive it.
  const cuda::ArenaScope scope(device.is_cuda() ? cuda::default_arena(device) : nullptr);
  weight_ = weight.to(device);
  bias_ = bias.to(device);
}

}  // namespace osteon
