// Properties of the fast path on the CPU, in addition to its numbers (op_cases_test.cpp): that it
// is used, and that its caches are never stale.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "nn/models.h"
#include "ops/backend.h"
#include "ops/convolution/run.h"
#include "ops/ops.h"
#include "ops/schema.h"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

Tensor random_tensor(Shape shape, std::uint64_t seed, DType dtype = DType::f32) {
  const Tensor x(std::move(shape), DType::f32);
  RandomStream random(seed);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data<float>()[i] = static_cast<float>(random.uniform(-1, 1));
  return cast(x, dtype);
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.to_vector(), y = b.to_vector();
  double difference = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    difference = std::max(difference, std::abs(x[i] - y[i]));
  return difference;
}

// Runs body with the reference kernels.
template <class Body>
auto by_reference(const Body& body) {
  set_backend(Backend::reference);
  auto result = body();
  set_backend(Backend::automatic);
  return result;
}

// Runs body with each kernel of convolutions, where it is possible.
template <class Body>
void with_each_kernel(const Body& body) {
  for (std::size_t i = 0; i < convolution::kKernels; ++i) {
    CAPTURE(i);
    convolution::prefer(static_cast<convolution::Kernel>(i));
    body();
  }
  convolution::prefer(std::nullopt);
}

}  // namespace

TEST_CASE("a ResNet50 trains without falling back to the reference") {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    if (dtype == DType::bf16 && !has_fast_bf16()) {
      MESSAGE("skipped bf16: this processor has no fast path for it");
      continue;
    }
    const auto before = reference_fallbacks();
    const auto model = make_model("resnet50");
    backward(sum((*model)(random_tensor({2, 64, 64, 3}, 1, dtype))));
    model->eval();
    const NoGrad no_grad;
    (*model)(random_tensor({2, 64, 64, 3}, 1, dtype));
    CHECK(reference_fallbacks() == before);
    CHECK(describe_reference_fallbacks() == "");
  }
}

TEST_CASE("in f32 a linear layer is oneDNN's product, or a convolution of our own") {
  for (const Backend each : {Backend::automatic, Backend::direct}) {
    int convolutions = 0;
    const convolution::ObserveConvolutions observer{
        [&](const convolution::Execution&) { ++convolutions; }};
    set_backend(each);
    Tensor x = random_tensor({64, 32}, 1), weight = random_tensor({48, 32}, 2);
    for (Tensor* input : {&x, &weight}) input->set_requires_grad(true);
    backward(sum(linear(x, weight, Tensor())));
    set_backend(Backend::automatic);
    CHECK(convolutions == (each == Backend::automatic && has_fast_path() ? 0 : 3));
  }
}

TEST_CASE("in evaluation, batch norm folded into its convolution gives the same outputs") {
  struct Row {
    const char* arch;
    DType dtype;
    double tolerance;  // of the largest output
  };
  for (const Row& row : {Row{"resnet50", DType::f32, 1e-4}, Row{"resnet18", DType::f32, 1e-4},
                         Row{"resnet50", DType::bf16, 0.1}}) {
    CAPTURE(std::string(row.arch));
    CAPTURE(format(row.dtype));
    const auto model = make_model(row.arch, {.num_classes = 20});
    const Tensor x = random_tensor({2, 64, 64, 3}, 1);
    for (int step = 0; step < 2; ++step) {  // changes the running statistics between the steps
      CAPTURE(step);
      model->train();
      (*model)(x);
      model->eval();
      const NoGrad no_grad;
      const Tensor logits = (*model)(cast(x, row.dtype));
      const Tensor exact = by_reference([&] { return (*model)(x); });
      double size = 0;
      for (const double logit : exact.to_vector()) size = std::max(size, std::abs(logit));
      CHECK(largest_difference(logits, exact) <= row.tolerance * size);
    }
  }
}

TEST_CASE("layers run one by one while they are observed") {
  const auto model = make_model("resnet18");
  model->eval();
  const NoGrad no_grad;
  int batch_norms = 0;
  const ObserveOps observer(
      [&](const Observation& op) { batch_norms += is(op, schema::batch_norm); });
  (*model)(random_tensor({1, 32, 32, 3}, 1));
  CHECK(batch_norms == 20);
}

TEST_CASE("weights that changed since the last use are not taken from the cache") {
  const Tensor x = random_tensor({2, 9, 9, 32}, 1), weight = random_tensor({16, 3, 3, 32}, 2);
  const NoGrad no_grad;  // weights are cached only without gradients
  const auto convolved = [&] { return conv2d(x, weight, {}, {.padding = 1}); };
  with_each_kernel([&] {
    for (int change = 0; change < 3; ++change) {
      CAPTURE(change);
      CHECK(largest_difference(convolved(), by_reference(convolved)) < 1e-4);
      copy_(weight, random_tensor(weight.shape(), 3 + static_cast<std::uint64_t>(change)));
    }
  });
}

TEST_CASE("new weights at the address of freed ones are not taken from the cache") {
  const NoGrad no_grad;
  const Tensor x = random_tensor({2, 9, 9, 32}, 1);
  with_each_kernel([&] {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      CAPTURE(seed);
      const Tensor weight =
          random_tensor({16, 3, 3, 32}, seed);  // probably at the same address as the last one
      const auto convolved = [&] { return conv2d(x, weight, {}, {.padding = 1}); };
      CHECK(largest_difference(convolved(), by_reference(convolved)) < 1e-4);
    }
  });
}

TEST_CASE("padding that differs on each side has a plan of its own") {
  const auto before = reference_fallbacks();
  const Tensor x = random_tensor({2, 9, 8, 32}, 1), weight = random_tensor({16, 3, 3, 32}, 2);
  for (const Padding padding :
       {Padding(0), {2, 0, 0, 0}, {0, 2, 0, 0}, {0, 0, 2, 0}, {0, 0, 0, 2}}) {
    CAPTURE(padding.top);
    CAPTURE(padding.bottom);
    CAPTURE(padding.left);
    const auto results = [&] {
      Tensor input = x.clone(), filters = weight.clone();
      input.set_requires_grad(true);
      filters.set_requires_grad(true);
      const Tensor y = conv2d(input, filters, {}, {.padding = padding});
      backward(sum(y * y));
      return Tensors{y, input.grad(), filters.grad()};
    };
    const Tensors actual = results(), expected = by_reference(results);
    for (std::size_t i = 0; i < actual.size(); ++i)
      CHECK(largest_difference(actual[i], expected[i]) < 1e-2);
  }
  if (has_fast_path()) CHECK(reference_fallbacks() == before);
}

TEST_CASE("computations by the reference instead of the fast path are counted") {
  const auto before = reference_fallbacks();  // without fast bf16 there are earlier ones
  const Tensor x = random_tensor({1, 3, 3, 2}, 1), weight = random_tensor({2, 1, 1, 2}, 2);
  count_fallback("some_kernel", x);
  count_fallback("some_kernel", x);
  CHECK(reference_fallbacks().at("some_kernel f32") == 2);
  CHECK(contains(describe_reference_fallbacks(), "some_kernel f32 x 2"));
  count_fallback("another", cast(x, DType::f64));
  by_reference([&] {
    count_fallback("another", x);
    return conv2d(x, weight);
  });
  CHECK(reference_fallbacks().size() == before.size() + 1);
}
