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
  world().all_reduce(y);
  return record(kAllReduce, y, {x}, {}, {}, [](const Backward& b) {
    const Tensor dx = b.dy().clone();
    world().all_reduce(dx);
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
  OSTEON_CHECK(!x.device().is_cuda() && options.training && x.rank() >= 2,
               "sync_batch_norm: input ", x.shape(), " on ", x.device(),
               "; expects [..., C] on the CPU, in training mode");
  const Tensor rows = reshape(cast(x, weight.dtype()), {-1, x.dim(-1)});
  const Tensor count = full({1}, static_cast<double>(rows.dim(0)), DType::f64);
  world().all_reduce(count);
  const double n = count.item();
  const Tensor mean = all_reduce(sum(rows, {0})) * (1 / n);
  const Tensor centred = rows - mean;
  const Tensor squares = all_reduce(sum(square(centred), {0}));
  update_running(running_mean, mean.detach(), options.momentum);
  update_running(running_var, squares.detach() * (1 / (n - 1)), options.momentum);
  const Tensor scale = weight * rsqrt(squares * (1 / n) + options.epsilon);
  Tensor y = cast(reshape(centred * scale + bias, x.shape().extents()), x.dtype());
  if (residual.defined()) y = y + residual;
  return activate(y, options.activation);
}

void synchronise_batch_norm(Module& model) {
  for (const auto& [name, module] : model.named_modules())
    if (auto* const norm = dynamic_cast<BatchNorm2d*>(module)) norm->is_synchronised = true;
}

}  // namespace osteon
