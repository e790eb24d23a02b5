// The numbers of docs/book/05-batch-norm.md: what batch norm does to a batch, its gradient by the
// formula of the chapter against central differences in float64, and the running statistics.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include "base/random.h"
#include "ops/ops.h"

using namespace osteon;

namespace {

constexpr std::int64_t kRows = 12, kChannels = 2;
constexpr double kEpsilon = 1e-5;

Tensor draw(const Shape& shape, double low, double high, std::uint64_t stream) {
  RandomStream random(5, stream);
  std::vector<double> elements(static_cast<std::size_t>(shape.numel()));
  for (double& element : elements) element = random.uniform(low, high);
  return from_vector(elements, shape, DType::f64);
}

Tensor normalised(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return batch_norm(x, weight, bias, zeros({kChannels}, DType::f64),
                    full({kChannels}, 1, DType::f64), {.epsilon = kEpsilon});
}

// The gradients for the gradient g of y, by the formulas of the chapter, and the gradient of x if
// the statistics were constants.
struct Gradients {
  Tensor x, weight, bias, x_of_constants;
};
Gradients by_formula(const Tensor& x, const Tensor& weight, const Tensor& g) {
  const double M = kRows;
  const Tensor centred = x - sum(x, {0}) * (1 / M);
  const Tensor inverse_std = rsqrt(sum(square(centred), {0}) * (1 / M) + kEpsilon);
  const Tensor hat = centred * inverse_std;
  const Tensor dbias = sum(g, {0}), dweight = sum(g * hat, {0});
  const Tensor dx = weight * inverse_std * (g - dbias * (1 / M) - hat * (dweight * (1 / M)));
  return {dx, dweight, dbias, weight * inverse_std * g};
}

// The largest difference between `gradient` and central differences of the loss at each element.
double error_of(const Tensor& gradient, const Tensor& input, const std::function<double()>& loss) {
  constexpr double kStep = 1e-5;
  const std::vector<double> expected = gradient.to_vector();
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    double& element = input.data<double>()[i];
    const double here = element;
    element = here + kStep;
    const double above = loss();
    element = here - kStep;
    const double below = loss();
    element = here;
    largest = std::max(largest, std::abs((above - below) / (2 * kStep) - expected[i]));
  }
  return largest;
}

void print_statistics(const char* name, const Tensor& x) {
  const Tensor mean = sum(x, {0}) * (1.0 / kRows);
  const Tensor variance = sum(square(x - mean), {0}) * (1.0 / kRows);
  for (std::int64_t c = 0; c < kChannels; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    std::printf("%s channel %zu: mean %.3f, variance %.3f\n", name, channel,
                std::abs(mean.to_vector()[channel]), variance.to_vector()[channel]);
  }
}

// A power of ten above the difference: its digits depend on the processor.
void print_error(const char* name, double difference) {
  std::printf("%s: largest difference below 1e%.0f\n", name,
              std::max(-12.0, std::ceil(std::log10(difference))));
}

}  // namespace

int main() {
  Tensor x = draw({kRows, kChannels}, 3, 5, 1);
  const Tensor weight = draw({kChannels}, 1, 2, 2), bias = draw({kChannels}, 0, 1, 3);
  print_statistics("x ", x);
  print_statistics("x^",
                   normalised(x, full({kChannels}, 1, DType::f64), zeros({kChannels}, DType::f64)));
  std::printf("weight %.3f %.3f, bias %.3f %.3f\n", weight.to_vector()[0], weight.to_vector()[1],
              bias.to_vector()[0], bias.to_vector()[1]);
  print_statistics("y ", normalised(x, weight, bias));

  const Tensor g = draw({kRows, kChannels}, -1, 1, 4);
  const auto loss = [&] { return sum(g * normalised(x, weight, bias)).item(); };
  const Gradients gradients = by_formula(x, weight, g);
  print_error("dx, central differences", error_of(gradients.x, x, loss));
  print_error("dweight, central differences", error_of(gradients.weight, weight, loss));
  print_error("dbias, central differences", error_of(gradients.bias, bias, loss));
  std::printf("dx without its last two terms: largest difference %.2f\n",
              error_of(gradients.x_of_constants, x, loss));

  x.set_requires_grad(true);
  backward(sum(g * normalised(x, weight, bias)));
  double difference = 0;
  for (const double each : (x.grad() - gradients.x).to_vector())
    difference = std::max(difference, std::abs(each));
  print_error("dx, the library's gradient", difference);

  const Tensor mean = zeros({kChannels}, DType::f64), variance = full({kChannels}, 1, DType::f64);
  for (std::uint64_t step = 1; step <= 100; ++step) {
    const NoGrad no_grad;
    batch_norm(draw({kRows, kChannels}, 3, 5, 100 + step), weight, bias, mean, variance);
    if (step == 1 || step == 10 || step == 100)
      std::printf("after %3d batches: running mean %.3f, running variance %.3f\n",
                  static_cast<int>(step), mean.to_vector()[0], variance.to_vector()[0]);
  }
  return 0;
}
