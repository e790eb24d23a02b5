// Composes the normalisation from sums over processes.
#include "nn/sync_batch_norm.h"

#include "comm/process_group.h"
#include "nn/activation.h"
#include "nn/layers.h"

namespace osteon {
namespace {

constexpr OpSchema<> kAllReduce{"all_reduce"};

// y = sum of all processes' x. The loss is the sum of all processes' losses, and each y depends on
// each x:
//
//   dx = sum of all processes' dy
Tensor all_reduce(const Tensor& x) {
  const Tensor y = x.clone();
  world().all_reduce(y, SumOrder::any);
  return record(kAllReduce, y, {x}, {}, {}, [](const Backward& b) {
    const Tensor dx = b.dy().clone();
    world().all_reduce(dx, SumOrder::any);
    return Tensors{dx};
  });
}

void update_running(const Tensor& running, const Tensor& value, double momentum) {
  const NoGrad no_grad;
  copy_(running, running * (1 - momentum) + value * momentum);
}

}  // namespace

Tensor sync_batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const Tensor& running_mean, const Tensor& running_var,
                       const BatchNormOptions& options, const Tensor& residual) {
  OSTEON_CHECK(options.training && x.rank() >= 2, "sync_batch_norm: input ", x.shape(),
               "; expects [..., C], in training mode");
  const DType dtype = weight.dtype();
  const Tensor rows = reshape(cast(x, dtype), {-1, x.dim(-1)});
  // The number of values is a tensor, so that a device need not be waited for.
  const Tensor n = full({1}, static_cast<double>(rows.dim(0)), DType::f64, x.device());
  world().all_reduce(n, SumOrder::any);
  const Tensor of_mean = cast(1 / n, dtype), of_variance = cast(1 / (n - 1), dtype);
  const Tensor mean = all_reduce(sum(rows, {0})) * of_mean;
  const Tensor centred = rows - mean;
  const Tensor squares = all_reduce(sum(square(centred), {0}));
  update_running(running_mean, mean.detach(), options.momentum);
  update_running(running_var, squares.detach() * of_variance, options.momentum);
  const Tensor scale = weight * rsqrt(squares * of_mean + options.epsilon);
  Tensor y = cast(reshape(centred * scale + bias, x.shape().extents()), x.dtype());
  if (residual.defined()) y = y + residual;
  return activate(y, options.activation);
}

void synchronise_batch_norm(Module& model) {
  for (const auto& [name, module] : model.named_modules())
    if (auto* const norm = dynamic_cast<BatchNorm2d*>(module)) norm->is_synchronised = true;
}

}  // namespace osteon
