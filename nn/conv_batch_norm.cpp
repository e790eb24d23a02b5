// When layers may be folded, and the arithmetic of it.
#include "nn/conv_batch_norm.h"

#include <cmath>

#include "ops/backend.h"

namespace osteon {

Tensor ConvBatchNorm::operator()(const Tensor& x) {
  if (may_fold(x)) return folded(x, {}, false);
  forget();
  return norm_(conv_(x));
}

Tensor ConvBatchNorm::relu(const Tensor& x, const Tensor& residual) {
  if (may_fold(x)) return folded(x, residual, true);
  forget();
  return norm_.relu(conv_(x), residual);
}

// Training needs the memory for other things.
void ConvBatchNorm::forget() {
  if (!norm_.is_training()) return;
  weight_ = bias_ = Tensor();
  sources_.clear();
}

bool ConvBatchNorm::may_fold(const Tensor& x) const {
  return !norm_.is_training() && !is_grad_enabled() && !is_observed() && !modules_are_observed() &&
         backend() == Backend::automatic && !x.device().is_cuda() &&
         (x.dtype() == DType::f32 || x.dtype() == DType::bf16) &&
         conv_.weight.dtype() == DType::f32;
}

Tensor ConvBatchNorm::folded(const Tensor& x, const Tensor& residual, bool relu) {
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
  return conv2d_add_relu(x, weight_, bias_, residual, relu, conv_.options);
}

void ConvBatchNorm::fold() {
  weight_ = empty_like(conv_.weight);
  bias_ = empty_like(norm_.bias);
  const std::int64_t channels = weight_.dim(0), size = weight_.numel() / channels;
  for (std::int64_t k = 0; k < channels; ++k) {
    const auto at = [k](const Tensor& x) { return static_cast<double>(x.data<float>()[k]); };
    const double scale = at(norm_.weight) / std::sqrt(at(norm_.running_var) + norm_.epsilon);
    const double offset = (conv_.bias.defined() ? at(conv_.bias) : 0) - at(norm_.running_mean);
    bias_.data<float>()[k] = static_cast<float>(at(norm_.bias) + scale * offset);
    const auto factor = static_cast<float>(scale);
    const float* from = conv_.weight.data<float>() + k * size;
    float* to = weight_.data<float>() + k * size;
    for (std::int64_t i = 0; i < size; ++i) to[i] = from[i] * factor;
  }
}

}  // namespace osteon
