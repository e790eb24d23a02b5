// An operation of your own, outside the library: log_cosh(x) = log(cosh(x)). It is written twice:
// composed of existing operations, so that no gradient rule is needed, and with its own loop and
// gradient rule. The two are compared with each other and with central differences.
#include <cmath>
#include <iostream>
#include <numbers>

#include "ops/ops.h"

using namespace osteon;

namespace {

// What the op records: its name. Observers such as describe() and the ONNX writer see it.
constexpr OpSchema<> kLogCosh{"log_cosh"};

// d log_cosh/dx = tanh(x), hence dx = dy tanh(x).
Tensors log_cosh_gradient(const Backward& b) { return {b.dy() * tanh(b.saved(0))}; }

// cosh(x) = exp(|x|) (1 + exp(-2 |x|)) / 2, whose logarithm does not overflow.
Tensor log_cosh(const Tensor& x) {
  OSTEON_CHECK(x.dtype() == DType::f64 && !x.device().is_cuda(), "log_cosh: input is ", x.dtype(),
               " on ", x.device(), "; this example computes with f64 on the cpu");
  const Tensor y = empty_like(x);
  const double* from = x.data<double>();
  double* to = y.data<double>();
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double size = std::abs(from[i]);
    to[i] = size + std::log1p(std::exp(-2 * size)) - std::numbers::ln2;
  }
  return record(kLogCosh, y, {x}, /*saved=*/{x}, NoAttrs{}, log_cosh_gradient);
}

// The same by composition: cosh(x) = exp(-x) (1 + exp(2 x)) / 2.
Tensor composed_log_cosh(const Tensor& x) { return softplus(x * 2.0) - x - std::numbers::ln2; }

Tensor gradient_of(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  Tensor leaf = x.clone();
  leaf.set_requires_grad(true);
  backward(sum(f(leaf)));
  return leaf.grad();
}

}  // namespace

int main() {
  const Tensor x = from_vector({-30, -1, 0, 0.5, 20}, {5}, DType::f64);
  const Tensor gradient = gradient_of(log_cosh, x);
  std::cout << "log_cosh(x) =\n" << log_cosh(x) << "\ngradient =\n" << gradient << "\n";

  const double step = 1e-5;
  const Tensor differences = (log_cosh(x + step) - log_cosh(x - step)) / (2 * step);
  const auto largest = [](const Tensor& error) { return amax(error * error).item(); };
  const double by_differences = largest(gradient - differences);
  const double by_composition = largest(gradient - gradient_of(composed_log_cosh, x));
  std::cout << "largest squared error: " << by_differences << " against differences, "
            << by_composition << " against the composition\n";

  try {
    log_cosh(cast(x, DType::f32));
  } catch (const Error& error) {
    std::cout << "an error: " << error.what() << "\n";
  }
  return by_differences < 1e-12 && by_composition < 1e-20 ? 0 : 1;
}
