// Observers of ops and of gradients.
#include "tensor/autograd.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/tensor/small_ops.h"

using namespace osteon;

TEST_CASE("a leaf is reported once, as soon as its gradient is complete") {
  const Tensor x = leaf({2, 3}), w = leaf({5, 7}), z = leaf({1, 4}), elsewhere = leaf({1, 1});
  std::vector<const void*> order;
  std::vector<Elements> seen;
  const auto run = [&](const Tensor& output) {
    order.clear();
    seen.clear();
    const ObserveGradients observe([&](const Tensor& ready) {
      order.push_back(ready.identity());
      seen.push_back(ready.grad().to_vector());
    });
    backward(output, full(output.shape(), 1));
  };
  // x is used twice: in the first and in the last op of backward.
  run(add(mul(mul(x, w), z), x));
  CHECK(order == std::vector{z.identity(), x.identity(), w.identity()});
  CHECK(seen == std::vector{z.grad().to_vector(), x.grad().to_vector(), w.grad().to_vector()});
  CHECK(!elsewhere.grad().defined());
  run(x);
  CHECK(order == std::vector{x.identity()});
  run(mul(w, w));
  CHECK(order == std::vector{w.identity()});
  backward(mul(w, w), full({2}, 1));  // no observer exists any more
  CHECK(order.size() == 1);
}

TEST_CASE("an observer sees every op, its inputs, attributes and outputs, under NoGrad too") {
  const Tensor x = leaf({3});
  std::vector<std::string> seen;
  const auto look = [&](const Observation& op) {
    seen.push_back(op.name);
    CHECK(op.inputs.size() == (seen.back() == "scale" ? 1 : 2));
    CHECK(op.inputs[0].shares_memory(x));
    CHECK(op.outputs.size() == 1);
    CHECK(op.outputs[0].item() == (seen.back() == "scale" ? 6 : 9));
    CHECK(is(op, kScale) == (seen.back() == "scale"));
    if (is(op, kScale))
      CHECK(attrs_of(op, kScale).value == 2);
    else
      CHECK_THROWS_WITH_AS(attrs_of(op, kScale), doctest::Contains("the attributes of scale"),
                           Error);
  };
  {
    const ObserveOps observe(look);
    scale(x, 2);
    const NoGrad no_grad;
    mul(x, x);
    std::thread([&] { mul(x, x); }).join();  // ops of other threads are not observed
  }
  mul(x, x);
  CHECK(seen == std::vector<std::string>{"scale", "mul"});
}

TEST_CASE("nested observers all see an op, the outermost first") {
  const Tensor x = leaf({3});
  std::string seen;
  const auto note = [&](char who) { return [&seen, who](const Observation&) { seen += who; }; };
  {
    const ObserveOps outer(note('a'));
    mul(x, x);
    {
      const ObserveOps middle(note('b')), inner(note('c'));
      mul(x, x);
    }
    mul(x, x);
  }
  mul(x, x);
  CHECK(seen == "aabca");
}

TEST_CASE("an observer may compute; its own ops are not observed") {
  const Tensor x = leaf({3});
  int seen = 0;
  double squared = 0;
  const ObserveOps observe([&](const Observation& op) {
    ++seen;
    squared = mul(op.outputs[0], op.outputs[0]).item();
  });
  mul(x, x);
  mul(x, x);
  CHECK(seen == 2);
  CHECK(squared == 81);
}

TEST_CASE("an observer that throws stops the op and nothing else") {
  const Tensor x = leaf({3});
  CHECK_THROWS_AS(
      [&] {
        const ObserveOps observe(
            [](const Observation&) { throw std::runtime_error("seen enough"); });
        mul(x, x);
      }(),
      std::runtime_error);
  backward(mul(x, x));
  CHECK(x.grad().item() == 6);
}
