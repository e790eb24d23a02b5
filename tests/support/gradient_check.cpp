// Changes one element at a time, in both directions.
#include "tests/support/gradient_check.h"

#include <algorithm>
#include <cmath>

#include "tensor/autograd.h"
#include "tests/support/hashed.h"

namespace osteon {
namespace {

const HashedSequence& cotangents() {
  static const HashedSequence draws("gradient_check/cotangent");
  return draws;
}

Tensor cotangent_like(const Tensor& y) {
  std::vector<double> elements(static_cast<std::size_t>(y.numel()));
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = cotangents().coarse(i);
  return from_vector(elements, y.shape(), y.dtype());
}

double weighted_difference(const std::vector<double>& plus, const std::vector<double>& minus) {
  double sum = 0;
  for (std::size_t i = 0; i < plus.size(); ++i)
    sum += cotangents().coarse(i) * (plus[i] - minus[i]);
  return sum;
}

double central_difference(const std::function<Tensor()>& forward, const Tensor& leaf,
                          std::size_t place, double step) {
  double& element = leaf.data<double>()[place];
  const double middle = element;
  const auto output_at = [&](double value) {
    element = value;
    leaf.bump_version();
    return forward().to_vector();
  };
  const double above = middle + step, below = middle - step;
  const double difference = weighted_difference(output_at(above), output_at(below));
  element = middle;
  leaf.bump_version();
  return difference / (above - below);
}

double error_of_leaf(const std::function<Tensor()>& forward, const Tensor& leaf,
                     const std::vector<double>& gradient, const CentralDifferences& options) {
  double largest = 0;
  for (const double each : gradient) largest = std::max(largest, std::abs(each));
  const auto count = static_cast<std::int64_t>(gradient.size());
  const HashedSequence places("gradient_check/places");
  double error = 0;
  for (std::int64_t i = 0; i < std::min(count, options.samples); ++i) {
    const auto draw = static_cast<std::uint64_t>(i);
    const std::uint64_t place =
        count <= options.samples ? draw : places.bits(draw) % static_cast<std::uint64_t>(count);
    const double a = gradient[place];
    const double n = central_difference(forward, leaf, place, options.step);
    if (a == n) continue;
    const double relative = std::abs(a - n) / std::max({std::abs(a), std::abs(n), largest});
    error = std::isnan(relative) ? INFINITY : std::max(error, relative);
  }
  return error;
}

}  // namespace

std::vector<double> gradient_errors(const std::function<Tensor()>& forward, const Tensors& leaves,
                                    const CentralDifferences& options) {
  for (const Tensor& leaf : leaves) leaf.zero_grad();
  {
    const Tensor y = forward();
    backward(y, cotangent_like(y));
  }
  std::vector<double> errors;
  const NoGrad no_grad;
  for (const Tensor& leaf : leaves)
    errors.push_back(
        leaf.grad().defined() ? error_of_leaf(forward, leaf, leaf.grad().to_vector(), options) : 1);
  return errors;
}

}  // namespace osteon
