// An operation of your own, outside the library: softplus(x) = log(1 + exp(x)). It is written
// twice: composed of existing operations, so that no gradient rule is needed, and with its own loop
// and gradient rule. The two are compared with each other and with central differences.
#include <cmath>
#include <iostream>

#include "ops/ops.h"

using namespace osteon;

namespace {

// What the op records: its name. Observers such as describe() and the ONNX writer see it.
constexpr OpSchema<> kSoftplus{"softplus"};

// dsoftplus/dx = sigmoid(x), hence dx = dy sigmoid(x).
Tensors softplus_gradient(const Backward& b) { return {b.dy() * sigmoid(b.saved(0))}; }

Tensor softplus(const Tensor& x) {
  OSTEON_CHECK(x.dtype() == DType::f64 && !x.device().is_cuda(), "softplus: input is ", x.dtype(),
               " on ", x.device(), "; this example computes with f64 on the cpu");
  const Tensor y = empty_like(x);
  const double* from = x.data<double>();
  double* to = y.data<double>();
  for (std::int64_t i = 0; i < x.numel(); ++i)
    to[i] = std::log1p(std::exp(-std::abs(from[i]))) + std::max(from[i], 0.0);
  return record(kSoftplus, y, {x}, /*saved=*/{x}, NoAttrs{}, softplus_gradient);
}

// The same by composition: log(1 + exp(x)) = -log(1 / (1 + exp(x))), and this logarithm is the
// second element of log_softmax of the pair (x, 0).
Tensor composed_softplus(const Tensor& x) {
  const Tensor pair = concat({reshape(x, {-1, 1}), reshape(zeros_like(x), {-1, 1})}, 1);
  return -narrow(log_softmax(pair), 1, 1, 1);
}

Tensor gradient_of(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  Tensor leaf = x.clone();
  leaf.set_requires_grad(true);
  backward(sum(f(leaf)));
  return leaf.grad();
}

}  // namespace

int main() {
  const Tensor x = from_vector({-30, -1, 0, 0.5, 20}, {5}, DType::f64);
  const Tensor gradient = gradient_of(softplus, x);
  std::cout << "softplus(x) =\n" << softplus(x) << "\ngradient =\n" << gradient << "\n";

  const double step = 1e-5;
  const Tensor differences = (softplus(x + step) - softplus(x + -step)) / (2 * step);
  const auto largest = [](const Tensor& error) { return amax(error * error).item(); };
  const double by_differences = largest(gradient - differences);
  const double by_composition = largest(gradient - gradient_of(composed_softplus, x));
  std::cout << "largest squared error: " << by_differences << " against differences, "
            << by_composition << " against the composition\n";

  try {
    softplus(cast(x, DType::f32));
  } catch (const Error& error) {
    std::cout << "an error: " << error.what() << "\n";
  }
  return by_differences < 1e-12 && by_composition < 1e-20 ? 0 : 1;
}
