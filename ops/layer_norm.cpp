// layer_norm: checks and gradient rule; group_norm and standardised, composed.
#include <algorithm>

#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/precision.h"
#include "ops/schema.h"

namespace osteon {
namespace {

void check_parameter(const char* op, const char* name, const Tensor& parameter, const Tensor& x) {
  check_shape(op, name, parameter, {x.dim(-1)});
  check_dtype(op, name, parameter, wide_dtype(x.dtype()));
  check_same_device(op, "input", x, name, parameter);
}

void check(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias,
           double epsilon) {
  check_floating(op, "input", x);
  OSTEON_CHECK(x.rank() >= 1 && x.dim(-1) >= 1, op, ": input ", x.shape(),
               " has nothing to normalise, expects [..., C]");
  check_parameter(op, "weight", weight, x);
  check_parameter(op, "bias", bias, x);
  OSTEON_CHECK(epsilon > 0, op, ": epsilon is ", epsilon, ", must be positive");
}

}  // namespace

// With x^ = (x - mean) / std, g = dy weight, and means over a row:
//
//   dx = (g - mean(g) - x^ mean(g x^)) / std      dweight = sum dy x^      dbias = sum dy
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  check("layer_norm", x, weight, bias, epsilon);
  const std::int64_t rows = x.numel() / x.dim(-1);
  const Tensor y = empty_like(x);
  const Tensor mean({rows}, weight.dtype(), x.device()), inverse_std = empty_like(mean);
  OSTEON_DISPATCH(x, layer_norm_forward(x, weight, bias, epsilon, mean, inverse_std, y));
  return record(schema::layer_norm, y, {x, weight, bias}, {x, weight, mean, inverse_std}, {epsilon},
                [](const Backward& b) {
                  Tensor dx, dweight, dbias;
                  if (b.needs(schema::layer_norm.x)) dx = empty_like(b.dy());
                  if (b.needs(schema::layer_norm.weight))
                    dweight = b.gradient_memory(schema::layer_norm.weight);
                  if (b.needs(schema::layer_norm.bias))
                    dbias = b.gradient_memory(schema::layer_norm.bias);
                  OSTEON_DISPATCH(b.dy(),
                                  layer_norm_backward(b.dy(), b.saved(0), b.saved(1), b.saved(2),
                                                      b.saved(3), dx, dweight, dbias));
                  return Tensors{dx, dweight, dbias};
                });
}

// Composed.
Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight, const Tensor& bias,
                  double epsilon) {
  check_rank("group_norm", "input", x, 4, "[N,H,W,C]");
  check("group_norm", x, weight, bias, epsilon);
  const std::int64_t images = x.dim(0), pixels = x.dim(1) * x.dim(2), channels = x.dim(3);
  OSTEON_CHECK(groups >= 1 && channels % groups == 0, "group_norm: ", channels,
               " channels do not divide into ", groups, " groups");
  const Tensor grouped = reshape(widened(x), {images, pixels, groups, channels / groups});
  const Tensor centred = grouped - mean(grouped, {1, 3}, true);
  const Tensor variance = mean(centred * centred, {1, 3}, true);
  const Tensor normalised = centred * rsqrt(variance + epsilon);
  return narrowed(reshape(normalised, x.shape().extents()) * weight + bias, x.dtype());
}

// A layer norm of the filters as rows.
Tensor standardised(const Tensor& weight, double epsilon) {
  check_rank("standardised", "weight", weight, 4, "[K,R,S,C]");
  const std::int64_t elements = weight.numel() / std::max<std::int64_t>(weight.dim(0), 1);
  const DType parameters = wide_dtype(weight.dtype());
  const Tensor rows = reshape(weight, {weight.dim(0), elements});
  return reshape(layer_norm(rows, full({elements}, 1, parameters, weight.device()),
                            zeros({elements}, parameters, weight.device()), epsilon),
                 weight.shape().extents());
}

}  // namespace osteon
