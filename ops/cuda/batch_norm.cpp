// Batch norm with cuDNN's fused plans if they exist, else with our own kernels
// (batch_norm_kernels.h). The fused plans read and write each tensor once; separate kernels for
// ReLU, residual and gradients would read and write them again.
#include "ops/backend.h"
#include "ops/cuda/batch_norm_kernels.h"
#include "ops/cuda/cudnn/aligned.h"
#include "ops/cuda/cudnn/plans.h"
#include "ops/kernels.h"

namespace osteon::cuda {
namespace {

using Pass = BatchNormSpec::Pass;

// Forward with a ReLU needs a plan for both passes, because only cuDNN's backward can read cuDNN's
// mask.
bool computed_by_cudnn(Pass pass, const Tensor& x, const BatchNormOptions& options, bool residual) {
  if (!suits_cudnn(options)) return false;
  const auto spec = [&](Pass each) {
    return batch_norm_spec(each, x.dtype(), x.shape(), options, residual);
  };
  if (!options.training || !suits_cudnn(spec(pass))) return false;
  const auto has = [&](Pass each) { return has_plan(spec(each), x.device()); };
  if (has(pass) &&
      (pass == Pass::backward || options.activation == Activation::none || has(Pass::backward)))
    return true;
  count_fallback("batch_norm", x);
  return false;
}

}  // namespace

void batch_norm_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Tensor& residual, const BatchNormOptions& options,
                        const Tensor& running_mean, const Tensor& running_var, const Tensor& mean,
                        const Tensor& inverse_std, const Tensor& y, ReluMask& relu_mask) {
  if (!computed_by_cudnn(Pass::forward, x, options, residual.defined()))
    return generic_batch_norm_forward(x, weight, bias, residual, options, running_mean, running_var,
                                      mean, inverse_std, y, relu_mask);
  const BatchNormSpec spec =
      batch_norm_spec(Pass::forward, x.dtype(), x.shape(), options, residual.defined());
  Arguments arguments = {{Role::x, aligned(x)},
                         {Role::weight, aligned(weight)},
                         {Role::bias, aligned(bias)},
                         {Role::running_mean, aligned(running_mean)},
                         {Role::running_var, aligned(running_var)},
                         {Role::mean, mean},
                         {Role::inverse_std, inverse_std},
                         {Role::y, y}};
  if (residual.defined()) arguments.push_back({Role::residual, aligned(residual)});
  if (spec.relu) {
    relu_mask.cudnn = Tensor(relu_mask_shape(x.shape()), DType::u8, x.device());
    arguments.push_back({Role::relu_mask, relu_mask.cudnn});
  }
  write_aligned(running_mean, [&](const Tensor& next_mean) {
    write_aligned(running_var, [&](const Tensor& next_var) {
      arguments.push_back({Role::next_running_mean, next_mean});
      arguments.push_back({Role::next_running_var, next_var});
      execute("batch_norm", spec, arguments);
    });
  });
}

void batch_norm_backward(const BatchNormBackward& backward) {
  const auto& [dy, x, relu_mask, weight, bias, mean, inverse_std, options, dx, dweight, dbias,
               dresidual] = backward;
  const bool by_cudnn = options.activation == Activation::none
                            ? computed_by_cudnn(Pass::backward, x, options, /*residual=*/false)
                            : relu_mask.cudnn.defined();
  if (!by_cudnn) return generic_batch_norm_backward(backward);
  const BatchNormSpec spec =
      batch_norm_spec(Pass::backward, x.dtype(), x.shape(), options, dresidual.defined());
  Arguments arguments = {
      {Role::dy, aligned(dy)},          {Role::x, aligned(x)},
      {Role::weight, aligned(weight)},  {Role::mean, mean},
      {Role::inverse_std, inverse_std}, {Role::dx, dx.defined() ? dx : empty_like(x)},
      {Role::dweight, dweight},         {Role::dbias, dbias}};
  if (spec.relu) arguments.push_back({Role::relu_mask, relu_mask.cudnn});
  if (dresidual.defined()) arguments.push_back({Role::dresidual, dresidual});
  execute("batch_norm backward", spec, arguments);
}

}  // namespace osteon::cuda
