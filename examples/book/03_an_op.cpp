// Chapter 3 of the book: softmax. It prints why the maximum is subtracted, compares the gradient
// rules with central differences for many steps, and shows what a wrong sign in a rule looks like.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "ops/ops.h"
#include "tensor/autograd.h"

using namespace osteon;

namespace {

using Op = std::function<Tensor(const Tensor&)>;

const std::vector<double> kX = {1, -2, 0.5, 3, 0}, kCotangent = {0.5, -1, 2, 0.25, -0.75};

Tensor softmax_by_definition(const Tensor& x) {
  const Tensor exponentials = exp(x);
  return exponentials / sum(exponentials, {-1}, true);
}

// Softmax with a rule of our own. `sign` is that of the sum; -1 is right.
constexpr OpSchema<double> kSigned{"softmax_with_sign"};
Tensor softmax_with_sign(const Tensor& x, double sign) {
  const Tensor y = softmax(x.detach());
  return record(kSigned, y, {x}, {y}, sign, [](const Backward& b) {
    const Tensor &output = b.saved(0), &dy = b.dy();
    const Tensor dot = sum(dy * output, {-1}, true);
    return Tensors{output * (dy + b.attrs<double>() * dot)};
  });
}

std::vector<double> gradient_of(const Op& op) {
  Tensor x = from_vector(kX, {1, 5}, DType::f64);
  x.set_requires_grad(true);
  backward(op(x), from_vector(kCotangent, {1, 5}, DType::f64));
  return x.grad().to_vector();
}

// Of sum_j dy_j y_j with respect to x_i, divided by the distance of the rounded x_i + h and x_i -
// h.
double central_difference(const Op& op, std::size_t i, double h, DType dtype) {
  std::vector<double> above = kX, below = kX;
  above[i] += h;
  below[i] -= h;
  const Tensor right = from_vector(above, {1, 5}, dtype), left = from_vector(below, {1, 5}, dtype);
  const std::vector<double> plus = op(right).to_vector(), minus = op(left).to_vector();
  double difference = 0;
  for (std::size_t j = 0; j < kX.size(); ++j) difference += kCotangent[j] * (plus[j] - minus[j]);
  return difference / (right.to_vector()[i] - left.to_vector()[i]);
}

// The largest difference from the rule, relative to the largest gradient. Rules are always in f64.
double error_of(const Op& op, double h, DType dtype = DType::f64) {
  const std::vector<double> gradient = gradient_of(op);
  double error = 0, largest = 0;
  for (std::size_t i = 0; i < kX.size(); ++i) {
    largest = std::max(largest, std::abs(gradient[i]));
    error = std::max(error, std::abs(gradient[i] - central_difference(op, i, h, dtype)));
  }
  return error / largest;
}

void print(const char* title, const Tensor& y) {
  std::printf("%-24s", title);
  for (const double element : y.to_vector())
    std::printf(" %10.4f", std::isnan(element) ? NAN : element);  // NaN has no sign here
  std::printf("\n");
}

}  // namespace

int main() {
  const Tensor large = from_vector({1000, 1001, 1002}, {1, 3});
  const Tensor far = from_vector({0, 1, 1000}, {1, 3});
  std::printf("-- in f32, x = 1000, 1001, 1002\n");
  print("by the definition", softmax_by_definition(large));
  print("softmax", softmax(large));
  std::printf("-- in f32, x = 0, 1, 1000\n");
  print("log(softmax)", log(softmax(far)));
  print("log_softmax", log_softmax(far));

  const Op plain = [](const Tensor& x) { return softmax(x); };
  const Op logarithm = [](const Tensor& x) { return log_softmax(x); };
  std::printf("-- gradient of softmax\n");
  print("rule", from_vector(gradient_of(plain), {5}, DType::f64));
  std::vector<double> differences;
  for (std::size_t i = 0; i < kX.size(); ++i)
    differences.push_back(central_difference(plain, i, 1e-5, DType::f64));
  print("central differences", from_vector(differences, {5}, DType::f64));

  std::printf("-- error of central differences\nstep     f64      f32\n");
  for (const double h : {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10})
    if (h > 1e-7)
      std::printf("%.0e  %.0e    %.0e\n", h, error_of(plain, h), error_of(plain, h, DType::f32));
    else
      std::printf("%.0e  %.0e\n", h, error_of(plain, h));

  std::printf("-- largest error at step 1e-5; the limit of the tests is 1e-6\n");
  const auto show = [](const char* rule, const Op& op) {
    std::printf("%-24s %.0e\n", rule, error_of(op, 1e-5));
  };
  show("softmax", plain);
  show("log_softmax", logarithm);
  show("our rule, right sign", [](const Tensor& x) { return softmax_with_sign(x, -1); });
  show("our rule, wrong sign", [](const Tensor& x) { return softmax_with_sign(x, 1); });
  show("our rule without the sum", [](const Tensor& x) { return softmax_with_sign(x, 0); });
}
