// batch_norm: checks, statistics, gradient rule.
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

void check_channel_vector(const char* name, const Tensor& vector, const Tensor& x) {
  const DType expected = x.dtype() == DType::bf16 ? DType::f32 : x.dtype();
  OSTEON_CHECK(vector.shape() == Shape{x.dim(-1)} && vector.dtype() == expected,
               "batch_norm: ", name, " is ", vector.shape(), " ", vector.dtype(), " but input ",
               x.shape(), " ", x.dtype(), " expects [", x.dim(-1), "] ", expected);
  OSTEON_CHECK(vector.device() == x.device(), "batch_norm: ", name, " is on ", vector.device(),
               " but the input on ", x.device());
}

void check(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
           const Tensor& running_var, const BatchNormOptions& options, const Tensor& residual) {
  OSTEON_CHECK(x.rank() >= 2 && is_floating(x.dtype()), "batch_norm: input ", x.shape(), " ",
               x.dtype(), " is not a floating-point [..., C]");
  check_channel_vector("weight", weight, x);
  check_channel_vector("bias", bias, x);
  check_channel_vector("running_mean", running_mean, x);
  check_channel_vector("running_var", running_var, x);
  if (residual.defined())
    OSTEON_CHECK(residual.shape() == x.shape() && residual.dtype() == x.dtype() &&
                     residual.device() == x.device(),
                 "batch_norm: residual ", residual.shape(), " ", residual.dtype(), " on ",
                 residual.device(), " for input ", x.shape(), " ", x.dtype(), " on ", x.device());
  OSTEON_CHECK(options.epsilon > 0, "batch_norm: epsilon is ", options.epsilon,
               ", must be positive");
  OSTEON_CHECK(!residual.defined() || options.activation != Activation::silu,
               "batch_norm: silu with a residual has no gradient here; call silu() on the result");
  OSTEON_CHECK(
      !options.training || x.numel() > x.dim(-1), "batch_norm: input ", x.shape(),
      " has one value per channel, too few for the statistics of training; use a larger batch");
}

// Memory for a gradient with the shape of x: x's own memory if it has no other owner, which saves
// the traffic of a second buffer; else new memory. On a CUDA device always new memory, because the
// libraries there do not guarantee in-place operation.
Tensor in_place_of(const Tensor& x) {
  return x.owns_memory_alone() && !x.device().is_cuda() ? x.view(x.shape()) : empty_like(x);
}

}  // namespace

// With x^ = (x - mean) / std, g = dy times the activation's derivative, and M values per channel:
//
//   dresidual = g       dbias = sum g       dweight = sum g x^
//   dx = weight / std (g - dbias / M - x^ dweight / M)      in training: mean and std depend on x
//   dx = weight / std g                                     otherwise
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options, const Tensor& residual) {
  check(x, weight, bias, running_mean, running_var, options, residual);
  Tensor y = empty_like(x), mean = empty_like(weight), inverse_std = empty_like(weight);
  ReluMask relu_mask;
  OSTEON_DISPATCH(x, batch_norm_forward(x, weight, bias, residual, options, running_mean,
                                        running_var, mean, inverse_std, y, relu_mask));
  if (options.training) {
    running_mean.bump_version();
    running_var.bump_version();
  }
  y = record(schema::batch_norm, y, {x, weight, bias, residual, running_mean, running_var},
             {x, weight, bias, mean, inverse_std, relu_mask.own, relu_mask.cudnn}, options,
             [](const Backward& b) {
               auto attrs = b.attrs<BatchNormOptions>();
               if (b.dy_is_masked()) attrs.activation = Activation::none;  // g is dy
               const bool is_activated = attrs.activation != Activation::none;
               const Tensor& input = b.saved(0);
               const Tensor dweight = b.gradient_memory(schema::batch_norm.weight),
                            dbias = b.gradient_memory(schema::batch_norm.bias);
               ReluMask masks;
               if (is_activated) masks = {b.saved(5), b.saved(6)};
               Tensor dx, dresidual;
               if (b.needs(schema::batch_norm.x)) dx = in_place_of(input);
               if (b.needs(schema::batch_norm.residual))
                 dresidual = is_activated ? in_place_of(b.dy()) : b.dy();
               OSTEON_DISPATCH(
                   input, batch_norm_backward({.dy = b.dy(),
                                               .x = input,
                                               .relu_mask = masks,
                                               .weight = b.saved(1),
                                               .bias = b.saved(2),
                                               .mean = b.saved(3),
                                               .inverse_std = b.saved(4),
                                               .options = attrs,
                                               .dx = dx,
                                               .dweight = dweight,
                                               .dbias = dbias,
                                               .dresidual = is_activated ? dresidual : Tensor()}));
               return Tensors{dx, dweight, dbias, dresidual, {}, {}};
             });
  if (relu_mask.cudnn.defined()) offer_relu_mask(y, relu_mask.cudnn);
  return y;
}

}  // namespace osteon
