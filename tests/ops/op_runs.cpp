// Runs a row on any device, and measures the difference of two results.
#include "tests/ops/op_runs.h"

#include <algorithm>
#include <cmath>

#include "tensor/autograd.h"
#include "tests/support/hashed.h"

namespace osteon {
namespace {

Tensor cotangent_of(const OpCase& row, const Tensor& output) {
  const HashedSequence draws(row.name + "/cotangent");
  std::vector<double> elements(static_cast<std::size_t>(output.numel()));
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = draws.coarse(i);
  return from_vector(elements, output.shape(), output.dtype()).to(output.device());
}

double largest(const Tensor& tensor) {
  double size = 0;
  for (const double element : tensor.to_vector()) size = std::max(size, std::abs(element));
  return size;
}

}  // namespace

Tensors leaves_of(const OpCase& row, const Tensors& inputs, const Choice& wants_gradient) {
  Tensors leaves;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    leaves.push_back(inputs[i].defined() ? inputs[i].clone() : Tensor());
    if (row.inputs[i].differentiable && wants_gradient(i)) leaves[i].set_requires_grad(true);
  }
  return leaves;
}

Results run(const OpCase& row, const Tensors& inputs, DType dtype, const Choice& wants_gradient) {
  const Tensors leaves = leaves_of(row, inputs, wants_gradient);
  const Tensor output = call_op(row.op, leaves, row.attrs, dtype);
  if (output.requires_grad()) backward(output, cotangent_of(row, output));
  Results results{{"output", output.detach()}};
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (row.inputs[i].differentiable && wants_gradient(i))
      results.emplace_back(format("gradient", i), leaves[i].grad());
    if (row.inputs[i].updated) results.emplace_back(format("updated", i), leaves[i]);
  }
  return results;
}

Results run(const OpCase& row, DType dtype) {
  return run(row, make_inputs(row.name, row.inputs, dtype), dtype);
}

Tensors widened(const Tensors& inputs) {
  Tensors wide;
  for (const Tensor& input : inputs)
    wide.push_back(input.defined() && is_floating(input.dtype())
                       ? from_vector(input.to_vector(), input.shape(), DType::f64)
                       : input);
  return wide;
}

double relative_difference(const Tensor& tensor, const Tensor& reference, double floor) {
  if (tensor.shape() != reference.shape()) return INFINITY;
  const std::vector<double> a = tensor.to_vector(), b = reference.to_vector();
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) return INFINITY;
    difference = std::max(difference, std::abs(a[i] - b[i]));
  }
  return difference == 0 ? 0 : difference / std::max(largest(reference), floor);
}

std::string largest_difference(const Tensor& tensor, const Tensor& reference) {
  if (tensor.shape() != reference.shape())
    return format("shape ", tensor.shape(), ", expected ", reference.shape());
  const std::vector<double> a = tensor.to_vector(), b = reference.to_vector();
  std::size_t worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= std::abs(a[worst] - b[worst]))) worst = i;
  return a.empty() ? "none" : format("element ", worst, " is ", a[worst], ", expected ", b[worst]);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor left = a.to(Device::cpu()), right = b.to(Device::cpu());
  return left.dtype() == right.dtype() && left.shape() == right.shape() &&
         std::equal(left.raw(), left.raw() + left.bytes(), right.raw());
}

}  // namespace osteon
