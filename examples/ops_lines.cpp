// One line for each operation of ops/ops.h, with its result: scripts/ops_reference.py writes
// docs/ops.md from what this program prints. Values are rounded to three decimals.
#include <cmath>
#include <iostream>

#include "ops/ops.h"
#include "tensor/creation.h"

using namespace osteon;

namespace {

// The same on every instruction set: without the last digits, and without -0.
Tensor rounded(const Tensor& x) {
  if (x.dtype() == DType::u8 || x.dtype() == DType::i64) return x;
  std::vector<double> values = x.to_vector();
  for (double& value : values) value = std::round(value * 1000) / 1000 + 0.0;
  return from_vector(values, x.shape(), x.dtype());
}

void print(const Tensor& x) { std::cout << rounded(x) << "\n"; }
void print(const Tensors& tensors) {
  for (const Tensor& x : tensors) print(x);
}
void print(const DenseLayer&) {}
void print(const TopK& top) { print(Tensors{top.values, top.indices}); }

template <class Result>
void show(const char* op, const char* source, const Result& result) {
  std::cout << "# " << op << " # " << source << "\n";
  print(result);
}

}  // namespace

// Prints the expression and its value, as the line of an op; the expression may contain commas.
#define LINE(op, ...) show(op, #__VA_ARGS__, __VA_ARGS__)
// Defines a tensor for the lines below.
#define GIVEN(name, ...)         \
  const auto name = __VA_ARGS__; \
  show("", #name " = " #__VA_ARGS__, name)

int main() {
  GIVEN(image, reshape(arange(1, 10), {1, 3, 3, 1}));
  GIVEN(ones, full({1, 2, 2, 1}, 1));

  LINE("conv2d", conv2d(image, ones));
  LINE("conv2d_add_activation",
       conv2d_add_activation(image, ones, tensor({-20}), {}, Activation::relu));
  LINE("conv_transpose2d", conv_transpose2d(full({1, 1, 2, 1}, 3), ones, {}, {.stride = 2}));

  GIVEN(rows, tensor({{1, 2}, {3, 6}}));
  GIVEN(zero, tensor({0, 0}));
  GIVEN(one, tensor({1, 1}));
  GIVEN(layer, DenseLayer{one, zero, zero.clone(), one.clone(), full({2, 1, 1, 2}, 1), one, zero,
                          zero.clone(), one.clone(), full({1, 3, 3, 2}, 1)});

  LINE("batch_norm", batch_norm(rows, one, zero, zeros({2}), full({2}, 1)));
  LINE("dense_block", dense_block(full({1, 1, 1, 2}, 1), {layer}, {.training = false}));
  LINE("layer_norm", layer_norm(rows, one, zero));
  LINE("group_norm", group_norm(tensor({{{{1, 3}}}}), 1, one, zero));
  LINE("standardised", standardised(tensor({{{{1, 3}}}})));

  LINE("max_pool2d", max_pool2d(image, {.kernel_size = 2, .stride = 1}));
  LINE("avg_pool2d", avg_pool2d(image, {.kernel_size = 2, .stride = 1}));
  LINE("adaptive_avg_pool2d", adaptive_avg_pool2d(image, {1, 3}));
  LINE("global_avg_pool2d", global_avg_pool2d(image));

  LINE("linear", linear(tensor({{1, 2}}), tensor({{3, 4}, {5, 6}}), tensor({10, 20})));
  LINE("matmul", matmul(tensor({{1, 2}, {3, 4}}), tensor({{1, 0}, {0, 2}})));
  LINE("scaled_dot_product_attention",
       scaled_dot_product_attention(tensor({{{{1}}}}), tensor({{{{1}}, {{0}}}}),
                                    tensor({{{{10}}, {{20}}}})));

  LINE("neg", neg(tensor({1, -2})));
  LINE("abs", abs(tensor({1, -2})));
  LINE("sign", sign(tensor({3, 0, -2})));
  LINE("clamp", clamp(tensor({-2, 0.5, 3}), 0, 1));
  LINE("pow", pow(tensor({1, 2, 3}), 2));
  LINE("sqrt", sqrt(tensor({4, 9})));
  LINE("rsqrt", rsqrt(tensor({4, 25})));
  LINE("exp", exp(tensor({0, 1})));
  LINE("expm1", expm1(tensor({0, 1})));
  LINE("log", log(tensor({1, 10})));
  LINE("log1p", log1p(tensor({0, 1})));
  LINE("sin", sin(tensor({0, 1})));
  LINE("cos", cos(tensor({0, 1})));
  LINE("erf", erf(tensor({0, 1})));
  LINE("relu", relu(tensor({-2, 0, 3})));
  LINE("relu6", relu6(tensor({-2, 5, 7})));
  LINE("leaky_relu", leaky_relu(tensor({-2, 3}), 0.1));
  LINE("elu", elu(tensor({-1, 2})));
  LINE("sigmoid", sigmoid(tensor({-1, 0, 1})));
  LINE("tanh", tanh(tensor({0, 1})));
  LINE("silu", silu(tensor({-1, 1})));
  LINE("gelu", gelu(tensor({-1, 1}), Approximate::tanh));
  LINE("softplus", softplus(tensor({0, 30})));
  LINE("hardsigmoid", hardsigmoid(tensor({-4, 0, 1})));
  LINE("hardswish", hardswish(tensor({-4, 1, 4})));
  LINE("add", add(tensor({{1}, {2}}), tensor({10, 20})));
  LINE("sub", sub(tensor({5, 7}), tensor({1, 2})));
  LINE("mul", mul(tensor({5, 7}), tensor({1, 2})));
  LINE("div", div(tensor({5, 7}), tensor({2, 4})));
  LINE("operator-", -tensor({1, 2}) - tensor({10, 20}));
  LINE("operator+", tensor({1, 2}) + tensor({10, 20}));
  LINE("operator*", tensor({1, 2}) * tensor({10, 20}));
  LINE("operator/", tensor({1, 2}) / tensor({10, 20}));
  LINE("square", square(tensor({-3, 2})));
  LINE("maximum", maximum(tensor({1, 5}), tensor({3, 2})));
  LINE("minimum", minimum(tensor({1, 5}), tensor({3, 2})));
  LINE("operator+", tensor({1, 2}) + 0.5);
  LINE("operator-", 1 - tensor({1, 2}));
  LINE("operator*", 2 * tensor({1, 2}));
  LINE("operator/", 1 / tensor({1, 2}));
  LINE("eq", eq(tensor({1, 2, 3}), tensor({2, 2, 2})));
  LINE("ne", ne(tensor({1, 2, 3}), tensor({2, 2, 2})));
  LINE("lt", lt(tensor({1, 2, 3}), tensor({2, 2, 2})));
  LINE("le", le(tensor({1, 2, 3}), tensor({2, 2, 2})));
  LINE("gt", gt(tensor({1, 2, 3}), tensor({2, 2, 2})));
  LINE("ge", ge(tensor({1, 2, 3}), tensor({2, 2, 2})));
  LINE("eq", eq(tensor({1, 2, 3}), 2));
  LINE("ne", ne(tensor({1, 2, 3}), 2));
  LINE("lt", lt(tensor({1, 2, 3}), 2));
  LINE("le", le(tensor({1, 2, 3}), 2));
  LINE("gt", gt(tensor({1, 2, 3}), 2));
  LINE("ge", ge(tensor({1, 2, 3}), 2));
  LINE("where", where(gt(tensor({1, 2, 3}), 2), tensor({10, 20, 30}), tensor({0, 0, 0})));
  LINE("cast", cast(tensor({1.9, -1.9}), DType::i64));

  GIVEN(m, tensor({{1, 2, 3}, {4, 5, 7}}));

  LINE("sum", sum(m, {0}));
  LINE("mean", mean(m));
  LINE("amax", amax(m, {-1}, true));
  LINE("var", var(m, {1}));
  LINE("std", osteon::std(m, {1}, 0));
  LINE("logsumexp", logsumexp(m, {1}));
  LINE("any", any(gt(m, 5), {1}));
  LINE("all", all(gt(m, 3), {1}));
  LINE("argmax", argmax(m));
  LINE("argmin", argmin(m, 0));
  LINE("topk", topk(m, 2));

  LINE("reshape", reshape(m, {3, -1}));
  LINE("flatten", flatten(m));
  LINE("squeeze", squeeze(tensor({{1, 2}}), 0));
  LINE("unsqueeze", unsqueeze(tensor({1, 2}), -1));
  LINE("permute", permute(m, {1, 0}));
  LINE("expand", expand(tensor({{1}, {2}}), {-1, 3}));
  LINE("concat", concat({tensor({1, 2}), tensor({3})}, 0));
  LINE("stack", stack({tensor({1, 2}), tensor({3, 4})}));
  LINE("narrow", narrow(m, 1, 1, 2));
  LINE("split", split(m, 2, 1));
  LINE("slice", slice(m, 1, 0, 3, 2));
  LINE("flip", flip(m, {1}));
  LINE("roll", roll(tensor({1, 2, 3}), {1}, {0}));
  LINE("pad", pad(tensor({{{{1}, {2}}}}), {0, 0, 1, 1}));

  LINE("index_select", index_select(m, tensor({1, 1, 0}, DType::i64)));
  LINE("gather", gather(m, 1, tensor({{2}, {0}}, DType::i64)));
  LINE("scatter_add",
       scatter_add(zeros({3}), 0, tensor({0, 2, 2}, DType::i64), tensor({1, 10, 20})));
  LINE("one_hot", one_hot(tensor({2, 0}, DType::i64), 3));

  GIVEN(logits, tensor({{1, 2, 3}, {3, 1, 0}}));
  GIVEN(classes, tensor({2, 0}, DType::i64));

  LINE("softmax", softmax(logits));
  LINE("log_softmax", log_softmax(logits));
  LINE("binary_cross_entropy_with_logits",
       binary_cross_entropy_with_logits(tensor({2, -1}), tensor({1, 0})));
  LINE("cross_entropy", cross_entropy(logits, classes));
  LINE("focal_loss", focal_loss(tensor({2, -1}), tensor({1, 0})));
  LINE("mse_loss", mse_loss(tensor({1, 2}), tensor({1, 4})));
  LINE("smooth_l1_loss", smooth_l1_loss(tensor({1, 2}), tensor({1.4, 4})));

  GIVEN(key, tensor({7, 0, 1, 0}, DType::i64));

  LINE("dropout", dropout(full({1, 6}, 1), 0.5, key));
  LINE("drop_path", drop_path(full({4, 2}, 1), 0.5, key));

  LINE("warp_affine",
       warp_affine(cast(full({1, 1, 2, 1}, 255), DType::u8), tensor({{{1, 0, 0.5}, {0, 1, 0}}}),
                   {.height = 1, .width = 2, .mean = {0.5}, .std = {0.5}}));
  LINE("upsample", upsample(tensor({{{{0}, {1}}}}), {1, 4}, {.mode = UpsampleMode::bilinear}));
}
