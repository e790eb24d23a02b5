// Attention with cuDNN's fused plans, which keep no matrix of scores. spec.h says which cases they
// compute.
#include "ops/backend.h"
#include "ops/cuda/cudnn/aligned.h"
#include "ops/cuda/cudnn/plans.h"
#include "ops/kernels.h"
#include "tensor/autograd.h"

namespace osteon::cuda {
namespace {

constexpr const char* kOp = "scaled_dot_product_attention";
using Pass = AttentionSpec::Pass;

AttentionSpec spec_of(Pass pass, const Tensor& query, const Tensor& key, double scale) {
  return {pass, query.dtype(), query.shape(), key.shape(), scale};
}

}  // namespace

// Only cuDNN's backward goes with its forward: both need a plan.
bool computes_attention(const Tensor& query, const Tensor& key, double scale) {
  if (!suits_cudnn(spec_of(Pass::forward, query, key, scale))) return false;
  const auto has = [&](Pass pass) {
    return has_plan(spec_of(pass, query, key, scale), query.device());
  };
  if (has(Pass::forward) && (!is_grad_enabled() || has(Pass::backward))) return true;
  count_fallback(kOp, query);
  return false;
}

void attention_forward(const Tensor& query, const Tensor& key, const Tensor& value, double scale,
                       const Tensor& log_sum, const Tensor& y) {
  execute(kOp, spec_of(Pass::forward, query, key, scale),
          {{Role::query, aligned(query)},
           {Role::key, aligned(key)},
           {Role::value, aligned(value)},
           {Role::log_sum, log_sum},
           {Role::y, y}});
}

// cuDNN computes all gradients, also those that are not needed.
void attention_backward(const Tensor& query, const Tensor& key, const Tensor& value,
                        const Tensor& y, const Tensor& log_sum, const Tensor& dy, double scale,
                        const Tensor& dquery, const Tensor& dkey, const Tensor& dvalue) {
  const auto memory = [](const Tensor& gradient, const Tensor& input) {
    return gradient.defined() ? gradient : empty_like(input);
  };
  execute("scaled_dot_product_attention backward", spec_of(Pass::backward, query, key, scale),
          {{Role::query, aligned(query)},
           {Role::key, aligned(key)},
           {Role::value, aligned(value)},
           {Role::y, y},
           {Role::log_sum, log_sum},
           {Role::dy, aligned(dy)},
           {Role::dquery, memory(dquery, query)},
           {Role::dkey, memory(dkey, key)},
           {Role::dvalue, memory(dvalue, value)}});
}

}  // namespace osteon::cuda
