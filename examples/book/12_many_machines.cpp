// Data parallel training in one process: gradients of shards of unequal size, batch norm over
// shards, the order of sums, and the messages of two algorithms that sum over processes (here:
// threads).
#include <cmath>
#include <cstdio>

#include "nn/init.h"
#include "ops/ops.h"

using namespace osteon;

namespace {

double largest_difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.to_vector(), y = b.to_vector();
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - y[i]));
  return largest;
}

Tensor drawn(const Shape& shape, std::uint64_t stream) {
  const Tensor x(shape, DType::f64);
  uniform_(x, 1, {.seed = 12, .stream = stream});
  return x;
}

// The gradient of mean((x w - 1)^2) for some rows of x.
Tensor gradient_of_rows(const Tensor& x, const Tensor& w, std::int64_t begin, std::int64_t end) {
  w.zero_grad();
  backward(mean(square(matmul(x.rows(begin, end), w) - 1.0)));
  return w.grad().clone();
}

void shards() {
  const Tensor x = drawn({8, 3}, 0);
  Tensor w = drawn({3, 1}, 1);
  w.set_requires_grad(true);
  const Tensor whole = gradient_of_rows(x, w, 0, 8);
  const Tensor first = gradient_of_rows(x, w, 0, 3), second = gradient_of_rows(x, w, 3, 8);
  const NoGrad no_grad;
  std::printf(
      "weighted by 3/8 and 5/8: equal to the whole batch's within 1e-15: %s\n",
      largest_difference(first * (3 / 8.0) + second * (5 / 8.0), whole) < 1e-15 ? "yes" : "no");
  std::printf("mean of both gradients: differs by %.3f\n",
              largest_difference((first + second) * 0.5, whole));
}

// sum(g * batch_norm(x)), in training mode: g is the gradient of the result.
double normalised_loss(const std::vector<double>& x, const Tensor& g) {
  const Tensor one = full({2}, 1, DType::f64), zero = full({2}, 0, DType::f64);
  const Tensor y = batch_norm(from_vector(x, {8, 2}, DType::f64), one, zero, zero.clone(),
                              one.clone(), {.epsilon = 1e-5});
  return sum(g * y).item();
}

void batch_norm_over_shards() {
  const Tensor gradient = drawn({8, 2}, 3);
  const std::vector<double> x = drawn({8, 2}, 2).to_vector(), g = gradient.to_vector();
  double largest = 0;
  for (std::size_t channel = 0; channel < 2; ++channel) {
    // Each of two processes adds what it has, then both know the sum.
    const auto sum_of = [&](const auto& term) {
      double shares[2] = {0, 0};
      for (std::size_t i = channel; i < 16; i += 2) shares[i < 6 ? 0 : 1] += term(x[i], g[i]);
      return shares[0] + shares[1];
    };
    const double n = sum_of([](double, double) { return 1; });
    const double mean = sum_of([](double xi, double) { return xi; }) / n;
    const double squares = sum_of([&](double xi, double) { return (xi - mean) * (xi - mean); });
    const double s = std::sqrt(squares / n + 1e-5);
    const double sum_g = sum_of([](double, double gi) { return gi; });
    const double sum_gx = sum_of([&](double xi, double gi) { return gi * (xi - mean) / s; });
    for (std::size_t i = channel; i < 16; i += 2) {
      const double dx = (g[i] - sum_g / n - (x[i] - mean) / s * sum_gx / n) / s;
      std::vector<double> above = x, below = x;
      above[i] += 1e-5;
      below[i] -= 1e-5;
      const double rise = normalised_loss(above, gradient) - normalised_loss(below, gradient);
      largest = std::max(largest, std::abs(dx - rise / 2e-5));
    }
  }
  std::printf("batch norm over two shards: formula and central differences agree within 1e-8: %s\n",
              largest < 1e-8 ? "yes" : "no");
}

// Eight numbers, added by some processes: each adds its own in a row, then all sums in a row.
float in_a_row(const std::vector<float>& x, std::size_t processes) {
  float total = 0;
  for (std::size_t p = 0; p < processes; ++p) {
    float own = 0;
    for (std::size_t i = 0; i < 8 / processes; ++i) own += x[p * 8 / processes + i];
    total += own;
  }
  return total;
}

float tree(const std::vector<float>& x, std::size_t begin, std::size_t count) {
  if (count == 1) return x[begin];
  return tree(x, begin, count / 2) + tree(x, begin + count / 2, count / 2);
}

}  // namespace

int main() {
  shards();
  batch_norm_over_shards();
  const std::vector<float> x{1e8F, 1, -1e8F, 1, 3, 1e-3F, 7e7F, -2};
  for (const std::size_t processes : {1, 2, 4, 8})
    std::printf("%d processes: in a row %.9g, tree %.9g\n", static_cast<int>(processes),
                in_a_row(x, processes), tree(x, 0, 8));
}
