// Each kernel beside the reference in float64.
#include "bench/convolution_errors.h"

#include <cmath>

#include "nn/init.h"
#include "ops/backend.h"
#include "ops/kernels.h"

namespace osteon {
namespace {

using convolution::Direction;

// The tensors of a convolution in one dtype; the direction says which one is the result.
struct Operands {
  Tensor x, weight, y;

  const Tensor& result(Direction direction) const {
    if (direction == Direction::forward) return y;
    return direction == Direction::backward_input ? x : weight;
  }
};

Operands random_operands(const Convolution& conv) {
  const Operands all{Tensor(conv.x, DType::f32), Tensor(conv.weight, DType::f32),
                     Tensor(conv.y, DType::f32)};
  uniform_(all.x, 1, {.seed = 1, .stream = 0});
  uniform_(all.weight, 1, {.seed = 1, .stream = 1});
  uniform_(all.y, 1, {.seed = 1, .stream = 2});
  return all;
}

// Copies, because the result replaces one of them.
Operands copies_of(const Operands& all, DType dtype) {
  const auto copy = [&](const Tensor& x) {
    return dtype == x.dtype() ? x.clone() : cast(x, dtype);
  };
  return {copy(all.x), copy(all.weight), copy(all.y)};
}

void compute_reference(const Operands& all, Direction direction, const Conv2dOptions& options) {
  set_backend(Backend::reference);
  if (direction == Direction::forward)
    cpu::conv2d_forward(all.x, all.weight, Tensor(), Tensor(), Activation::none, options, all.y);
  else if (direction == Direction::backward_input)
    cpu::conv2d_backward_input(
        all.y, all.weight, options, Tensor(), [] { return Tensor(); }, all.x);
  else
    cpu::conv2d_backward_weight(all.y, all.x, options, all.weight);
  set_backend(Backend::automatic);
}

double relative_error(const Tensor& actual, const Tensor& expected) {
  const std::vector<double> a = actual.to_vector(), b = expected.to_vector();
  double differences = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differences += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(differences / size);
}

}  // namespace

convolution::Speeds relative_errors(const Convolution& conv, Direction direction) {
  const Operands operands = random_operands(conv), wide = copies_of(operands, DType::f64);
  compute_reference(wide, direction, conv.options);
  convolution::Speeds errors{};
  for (std::size_t i = 0; i < convolution::kKernels; ++i) {
    const auto& kernel = convolution::candidate(static_cast<convolution::Kernel>(i));
    const Operands own = copies_of(operands, DType::f32);
    const convolution::Call call{direction, own.x,    own.weight,       own.y,
                                 Tensor(),  Tensor(), Activation::none, conv.options};
    if (!kernel.supports(call.problem()) || !kernel.run(call)) continue;
    errors[i] = relative_error(own.result(direction), wide.result(direction));
  }
  return errors;
}

}  // namespace osteon
