// conv_transpose2d: the gradient of conv2d with respect to its input, as an op. So its own
// gradients are conv2d and conv2d's gradient of the filters, with the same kernels.
#include <algorithm>

#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

constexpr auto kOp = schema::conv_transpose2d;

// The conv2d from y to x.
Conv2dOptions convolution(const ConvTranspose2dOptions& options) {
  return {options.stride, options.padding, options.dilation, options.groups};
}

std::int64_t output_extent(const char* direction, std::int64_t extent, std::int64_t kernel,
                           std::int64_t stride, std::int64_t before, std::int64_t after,
                           std::int64_t dilation, std::int64_t output_padding) {
  OSTEON_CHECK(stride >= 1 && dilation >= 1 && before >= 0 && after >= 0,
               "conv_transpose2d: stride ", stride, ", dilation ", dilation, ", padding ", before,
               " and ", after, " in ", direction, ", expects at least 1, 1, 0 and 0");
  OSTEON_CHECK(output_padding >= 0 && output_padding < stride, "conv_transpose2d: output_padding ",
               output_padding, " in ", direction, ", expects 0 to ", stride - 1,
               " (less than the stride)");
  const std::int64_t result =
      (extent - 1) * stride - before - after + dilation * (kernel - 1) + output_padding + 1;
  OSTEON_CHECK(extent >= 1 && kernel >= 1 && result >= 1, "conv_transpose2d: input of extent ",
               extent, " and a window of ", kernel, " in ", direction, " leave ", result,
               " pixels, expects at least 1 of each; use less padding");
  return result;
}

void check(const Tensor& x, const Tensor& weight, const Tensor& bias, std::int64_t groups) {
  check_floating("conv_transpose2d", "input", x);
  check_rank("conv_transpose2d", "input", x, 4, "[N,H,W,C]");
  check_floating("conv_transpose2d", "weight", weight);
  check_rank("conv_transpose2d", "weight", weight, 4, "[C,R,S,K/groups]");
  check_same_device("conv_transpose2d", "input", x, "weight", weight);
  if (x.dtype() != DType::bf16 || weight.dtype() != DType::f32)
    check_same_dtype("conv_transpose2d", "input", x, "weight", weight);
  OSTEON_CHECK(groups >= 1 && x.dim(3) % groups == 0, "conv_transpose2d: ", x.dim(3),
               " channels do not divide into ", groups, " groups");
  OSTEON_CHECK(weight.dim(0) == x.dim(3), "conv_transpose2d: input has ", x.dim(3),
               " channels but weight ", weight.shape(), " expects ", weight.dim(0));
  if (!bias.defined()) return;
  check_shape("conv_transpose2d", "bias", bias, {weight.dim(3) * groups});
  check_same_dtype("conv_transpose2d", "weight", weight, "bias", bias);
  check_same_device("conv_transpose2d", "weight", weight, "bias", bias);
}

// With conv2d from y to x: dx is conv2d of dy; dw is the filters' gradient of conv2d, if its input
// is dy and the gradient of its output is x.
Tensors gradients(const Backward& b) {
  const Conv2dOptions conv = convolution(b.attrs<ConvTranspose2dOptions>());
  const Tensor &x = b.saved(0), &weight = b.saved(1);
  Tensor dx, dweight;
  if (b.needs(kOp.x)) {
    dx = empty_like(x);
    OSTEON_DISPATCH(dx,
                    conv2d_forward(b.dy(), weight, Tensor(), Tensor(), Activation::none, conv, dx));
  }
  if (b.needs(kOp.weight)) {
    dweight = b.gradient_memory(kOp.weight, x.dtype());
    OSTEON_DISPATCH(dweight, conv2d_backward_weight(x, b.dy(), conv, dweight));
  }
  return {dx, dweight};
}

}  // namespace

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose2dOptions& options) {
  const auto& [stride, padding, output_padding, dilation, groups] = options;
  check(x, weight, bias, groups);
  const std::int64_t height =
      output_extent("height", x.dim(1), weight.dim(1), stride.height, padding.top, padding.bottom,
                    dilation.height, output_padding.height);
  const std::int64_t width =
      output_extent("width", x.dim(2), weight.dim(2), stride.width, padding.left, padding.right,
                    dilation.width, output_padding.width);
  Tensor y({x.dim(0), height, width, weight.dim(3) * groups}, x.dtype(), x.device());
  const auto no_mask = [] { return Tensor(); };
  OSTEON_DISPATCH(y, conv2d_backward_input(x, weight, convolution(options), Tensor(), no_mask, y));
  y = record(kOp, y, {x, weight}, {x, weight}, options, gradients);
  return bias.defined() ? y + (bias.dtype() == y.dtype() ? bias : cast(bias, y.dtype())) : y;
}

}  // namespace osteon
