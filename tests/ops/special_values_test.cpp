// Infinities, NaN, numbers out of range and targets without a loss, which the table of operations
// cannot hold. The expected values are PyTorch's unless a comment says otherwise.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "ops/ops.h"
#include "tensor/autograd.h"

using namespace osteon;

namespace {

using Numbers = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor leaf(const Numbers& elements) {
  Tensor x = from_vector(elements, {static_cast<std::int64_t>(elements.size())}, DType::f64);
  return x.set_requires_grad(true);
}

// Whether both are NaN, or near each other.
bool agree(double a, double b) { return std::isnan(b) ? std::isnan(a) : a == doctest::Approx(b); }

}  // namespace

TEST_CASE("logsumexp of infinities") {
  struct Row {
    Numbers x;
    double result;
    Numbers gradient;
  };
  const double e = std::exp(1.0);
  for (const auto& [x, result, gradient] :
       {Row{{-kInfinity, 0, 1}, std::log(1 + e), {0, 1 / (1 + e), e / (1 + e)}},
        Row{{-kInfinity, 1e4}, 1e4, {0, 1}}, Row{{-kInfinity, -kInfinity}, -kInfinity, {}},
        Row{{kInfinity, 0}, kInfinity, {}}, Row{{NAN, 0}, NAN, {}}}) {
    CAPTURE(result);
    const Tensor input = leaf(x), y = logsumexp(input);
    CHECK((y.item() == result || agree(y.item(), result)));
    if (gradient.empty()) continue;
    backward(y);
    for (std::size_t i = 0; i < x.size(); ++i)
      CHECK(agree(input.grad().to_vector()[i], gradient[i]));
  }
}

TEST_CASE("NaN is the largest and the smallest element, and the first one counts") {
  const Tensor x = from_vector({1, NAN, 3, NAN}, {4});
  CHECK(argmax(x).item() == 1);
  CHECK(argmin(x).item() == 1);
  const TopK all = topk(x, 4);
  CHECK(all.indices.to_vector() == Numbers{1, 3, 2, 0});
  CHECK(std::isnan(all.values.to_vector()[1]));
  CHECK(argmin(from_vector({2, -kInfinity, 3}, {3})).item() == 1);
  CHECK(topk(from_vector({-kInfinity, -kInfinity}, {2}), 2).indices.to_vector() == Numbers{0, 1});
}

TEST_CASE("positions have no history") {
  const Tensor x = leaf({1, 2, 3});
  CHECK(!argmax(x).requires_grad());
  CHECK(!topk(x, 2).indices.requires_grad());
  CHECK(topk(x, 2).values.requires_grad());
}

// PyTorch's results differ between processors; these are those of copy_.
TEST_CASE("a cast to an integer clamps, and has no history") {
  const Tensor x = leaf({-1, 255.75, 256, 1e30, -kInfinity, NAN});
  CHECK(cast(x, DType::u8).to_vector() == Numbers{0, 255, 255, 255, 0, 0});
  CHECK(cast(leaf({-2.75, 1e10}), DType::i64).to_vector() == Numbers{-2, 1e10});
  CHECK(!cast(x, DType::u8).requires_grad());
  CHECK(cast(x, DType::f32).requires_grad());
}

TEST_CASE("any and all without elements") {
  const Tensor none = zeros({0, 2}, DType::u8);
  CHECK(any(none, {0}).to_vector() == Numbers{0, 0});
  CHECK(all(none, {0}).to_vector() == Numbers{1, 1});
  CHECK(any(none).dtype() == DType::u8);
}

TEST_CASE("maximum, minimum and sign of NaN") {
  const Tensor a = from_vector({NAN, 1}, {2}), b = from_vector({1, NAN}, {2});
  for (const Tensor& y : {maximum(a, b), minimum(a, b)})
    for (const double element : y.to_vector()) CHECK(std::isnan(element));
  CHECK(sign(a).to_vector() == Numbers{0, 1});
}

// A NaN that becomes 0 would hide that a step went wrong. In f32 oneDNN may compute the
// convolution; direct_convolution_test has our own kernels.
TEST_CASE("NaN passes the activations of batch norm and of the reference convolution") {
  struct Row {
    Activation activation;
    bool has_residual;
  };
  for (const auto& [activation, has_residual] :
       {Row{Activation::relu, false}, Row{Activation::relu, true}, Row{Activation::relu6, false},
        Row{Activation::relu6, true}, Row{Activation::silu, false}})
    for (const DType dtype : {DType::f64, DType::f32}) {
      CAPTURE(static_cast<int>(activation));
      CAPTURE(has_residual);
      const Shape shape{2, 3, 3, 5};
      const Tensor x = full(shape, NAN, dtype), one = full({5}, 1, dtype);
      const Tensor residual = has_residual ? full(shape, 1, dtype) : Tensor();
      Tensors results = {batch_norm(x, one, one, zeros({5}, dtype), one.clone(),
                                    {.training = false, .activation = activation}, residual)};
      if (dtype == DType::f64)
        results.push_back(
            conv2d_add_activation(x, full({5, 1, 1, 5}, 1, dtype), one, residual, activation));
      for (const Tensor& y : results)
        for (const double element : y.to_vector()) CHECK(std::isnan(element));
    }
}

TEST_CASE("cross_entropy of ignored samples alone is NaN, with gradient 0") {
  Tensor logits = from_vector({1, 2, 3, 4}, {2, 2});
  logits.set_requires_grad(true);
  for (const double smoothing : {0.0, 0.5}) {
    const Tensor targets = from_vector({-100, -100}, {2}, DType::i64);
    const Tensor loss = cross_entropy(logits, targets, {}, {.label_smoothing = smoothing});
    CHECK(std::isnan(loss.item()));
    backward(loss);
    CHECK(logits.grad().to_vector() == Numbers{0, 0, 0, 0});
    logits.zero_grad();
  }
}
