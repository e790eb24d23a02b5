// One line per op.
#include "nn/flops.h"

#include "ops/schema.h"

namespace osteon {
namespace {

// Multiply-adds per element of the output, times two.
std::int64_t conv2d_flops(const Observation& op) {
  const Tensor& weight = op.inputs[schema::conv2d.weight];
  return 2 * op.outputs[0].numel() * (weight.numel() / weight.dim(0));
}

// Multiply-adds per element of the input, times two.
std::int64_t conv_transpose2d_flops(const Observation& op) {
  const Tensor& weight = op.inputs[schema::conv_transpose2d.weight];
  return 2 * op.inputs[schema::conv_transpose2d.x].numel() * (weight.numel() / weight.dim(0));
}

std::int64_t linear_flops(const Observation& op) {
  return 2 * op.outputs[0].numel() * op.inputs[schema::linear.weight].dim(1);
}

std::int64_t matmul_flops(const Observation& op) {
  const bool transpose_a = attrs_of(op, schema::matmul).transpose_a;
  return 2 * op.outputs[0].numel() * op.inputs[schema::matmul.a].dim(transpose_a ? -2 : -1);
}

// Each query with each key, and each weight with each value.
std::int64_t attention_flops(const Observation& op) {
  return 4 * op.inputs[schema::attention.query].numel() * op.inputs[schema::attention.key].dim(1);
}

// Both convolutions of each layer, at every pixel.
std::int64_t dense_block_flops(const Observation& op) {
  const Shape& y = op.outputs[0].shape();
  std::int64_t weights = 0;
  for (const Tensor& input : op.inputs)
    if (input.rank() == 4 && !input.is_same(op.inputs[0])) weights += input.numel();
  return 2 * weights * (y.numel() / y[3]);
}

}  // namespace

std::int64_t count_flops(const Observation& op) {
  if (is(op, schema::conv2d)) return conv2d_flops(op);
  if (is(op, schema::conv_transpose2d)) return conv_transpose2d_flops(op);
  if (is(op, schema::dense_block)) return dense_block_flops(op);
  if (is(op, schema::linear)) return linear_flops(op);
  if (is(op, schema::matmul)) return matmul_flops(op);
  if (is(op, schema::attention)) return attention_flops(op);
  return 0;
}

}  // namespace osteon
