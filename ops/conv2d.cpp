// conv2d: checks, output shape, gradient rule.
#include <algorithm>

#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

// `padding` is the sum of both sides.
std::int64_t output_extent(std::int64_t input, std::int64_t kernel, std::int64_t stride,
                           std::int64_t padding, std::int64_t dilation) {
  const std::int64_t last_start = input + padding - dilation * (kernel - 1) - 1;
  return last_start < 0 ? 0 : last_start / stride + 1;
}

void check(const Tensor& x, const Tensor& weight, const Tensor& bias,
           const Conv2dOptions& options) {
  const auto& [stride, padding, dilation, groups] = options;
  OSTEON_CHECK(x.rank() == 4, "conv2d: input ", x.shape(), " is not [N,H,W,C]");
  OSTEON_CHECK(weight.rank() == 4, "conv2d: weight ", weight.shape(), " is not [K,R,S,C/groups]");
  const bool mixed = x.dtype() == DType::bf16 && weight.dtype() == DType::f32;
  OSTEON_CHECK(is_floating(x.dtype()) && (mixed || x.dtype() == weight.dtype()),
               "conv2d: input is ", x.dtype(), " but weight is ", weight.dtype(),
               "; both must be one floating-point dtype, or bf16 and f32");
  OSTEON_CHECK(x.device() == weight.device(), "conv2d: input is on ", x.device(), " but weight on ",
               weight.device());
  OSTEON_CHECK(groups >= 1 && weight.dim(0) % groups == 0, "conv2d: ", weight.dim(0),
               " filters do not divide into ", groups, " groups");
  OSTEON_CHECK(x.dim(3) == weight.dim(3) * groups, "conv2d: input has ", x.dim(3),
               " channels but weight ", weight.shape(), " with ", groups, " groups expects ",
               weight.dim(3) * groups);
  OSTEON_CHECK(
      stride.height >= 1 && stride.width >= 1 && dilation.height >= 1 && dilation.width >= 1,
      "conv2d: stride and dilation must be at least 1");
  OSTEON_CHECK(std::min({padding.top, padding.bottom, padding.left, padding.right}) >= 0,
               "conv2d: padding must not be negative; it is ", padding.top, " at the top, ",
               padding.bottom, " at the bottom, ", padding.left, " on the left, ", padding.right,
               " on the right");
  OSTEON_CHECK(weight.dim(1) >= 1 && weight.dim(2) >= 1, "conv2d: weight ", weight.shape(),
               " has an empty window");
  if (bias.defined())
    OSTEON_CHECK(bias.shape() == Shape{weight.dim(0)} && bias.dtype() == weight.dtype() &&
                     bias.device() == weight.device(),
                 "conv2d: bias ", bias.shape(), " ", bias.dtype(), " on ", bias.device(), " for ",
                 weight.dim(0), " filters of ", weight.dtype(), " on ", weight.device());
}

// Checks the arguments and allocates the output.
Tensor output_of(const Tensor& x, const Tensor& weight, const Tensor& bias,
                 const Conv2dOptions& options) {
  check(x, weight, bias, options);
  const auto& [stride, padding, dilation, groups] = options;
  const std::int64_t height = output_extent(x.dim(1), weight.dim(1), stride.height,
                                            padding.top + padding.bottom, dilation.height);
  const std::int64_t width = output_extent(x.dim(2), weight.dim(2), stride.width,
                                           padding.left + padding.right, dilation.width);
  OSTEON_CHECK(height >= 1 && width >= 1, "conv2d: weight ", weight.shape(),
               " does not fit into input ", x.shape(), "; use more padding or a larger image");
  return Tensor({x.dim(0), height, width, weight.dim(0)}, x.dtype(), x.device());
}

}  // namespace

// With y = conv2d(x, w) + b: dx is the convolution of dy with the flipped w, dw the correlation of
// x with dy, db the sum of dy over images and pixels.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv2dOptions& options) {
  Tensor y = output_of(x, weight, bias, options);
  OSTEON_DISPATCH(x, conv2d_forward(x, weight, bias, Tensor(), Activation::none, options, y));
  return record(schema::conv2d, y, {x, weight, bias}, {x, weight}, options, [](const Backward& b) {
    const auto& conv = b.attrs<Conv2dOptions>();
    const Tensor &input = b.saved(0), &filters = b.saved(1);
    Tensor dx, dweight, dbias;
    if (b.needs(schema::conv2d.x)) {
      dx = empty_like(input);
      const Tensor others = b.take_gradient_so_far(schema::conv2d.x);
      const auto take_relu_mask = [&] { return b.take_relu_mask(schema::conv2d.x); };
      OSTEON_DISPATCH(dx, conv2d_backward_input(b.dy(), filters, conv, others, take_relu_mask, dx));
    }
    if (b.needs(schema::conv2d.weight)) {
      dweight = b.gradient_memory(schema::conv2d.weight, input.dtype());
      OSTEON_DISPATCH(dweight, conv2d_backward_weight(b.dy(), input, conv, dweight));
    }
    if (b.needs(schema::conv2d.bias))
      dbias = sum(cast(b.dy(), b.input_dtype(schema::conv2d.bias)), {0, 1, 2});
    return Tensors{dx, dweight, dbias};
  });
}

Tensor conv2d_add_activation(const Tensor& x, const Tensor& weight, const Tensor& bias,
                             const Tensor& residual, Activation activation,
                             const Conv2dOptions& options) {
  Tensor y = output_of(x, weight, bias, options);
  if (residual.defined())
    OSTEON_CHECK(residual.shape() == y.shape() && residual.dtype() == y.dtype() &&
                     residual.device() == y.device(),
                 "conv2d_add_activation: residual ", residual.shape(), " ", residual.dtype(),
                 " on ", residual.device(), " for output ", y.shape(), " ", y.dtype(), " on ",
                 y.device());
  OSTEON_DISPATCH(x, conv2d_forward(x, weight, bias, residual, activation, options, y));
  return record(schema::conv2d_add_activation, y, {x, weight, bias, residual}, {}, options,
                nullptr);
}

}  // namespace osteon
