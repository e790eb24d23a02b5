// Misuse of the engine is an error that names the op, and leaves everything usable.
#include "tensor/autograd.h"

#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "tests/support/message_of.h"
#include "tests/tensor/small_ops.h"

using namespace osteon;

namespace {

// An op for tests that need only a rule.
Tensor with_rule(const Tensor& x, Rule rule) {
  return record(OpSchema{"broken"}, x.clone(), {x}, {}, {}, rule);
}

}  // namespace

TEST_CASE("a saved tensor that was changed in place is an error that names the op") {
  struct Row {
    std::string what;
    std::function<void(const Tensor& x, const Tensor& constant)> change;
    bool refused;
  };
  const Row rows[] = {
      {"nothing", [](const Tensor&, const Tensor&) {}, false},
      {"fill_ of the input", [](const Tensor& x, const Tensor&) { fill_(x, 0); }, true},
      {"copy_ to the other", [](const Tensor&, const Tensor& c) { copy_(c, full({2}, 1)); }, true},
      {"add_ to a row", [](const Tensor& x, const Tensor&) { add_(x.rows(0, 1), full({1}, 1)); },
       true},
      {"a detached handle", [](const Tensor& x, const Tensor&) { fill_(x.detach(), 0); }, true},
      {"bump_version", [](const Tensor& x, const Tensor&) { x.bump_version(); }, true},
      {"a clone", [](const Tensor& x, const Tensor&) { fill_(x.clone(), 0); }, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Tensor x = leaf({1, 2}), constant = full({2}, 3).set_requires_grad(true);
    const Tensor y = mul(x, constant);
    row.change(x, constant);
    const std::string message = message_of([&] { backward(y, full({2}, 1)); });
    CAPTURE(message);
    if (row.refused) {
      CHECK(message.starts_with("mul: saved tensor "));
      CHECK(contains(message, "was changed in place before backward (version "));
    } else {
      CHECK(message.empty());
    }
  }
}

TEST_CASE("a second backward through an op is an error that names it") {
  const Tensor x = leaf({3});
  const Tensor y = mul(x, x);
  const Tensor z = scale(y, 2), other = scale(y, 3);
  backward(z);
  for (const auto& [again, op] : {std::pair{z, "scale"}, {y, "mul"}, {other, "mul"}}) {
    const std::string message = message_of([&, again = again] { backward(again); });
    CHECK(message.starts_with(format(op, ": backward was already called through this op")));
    CHECK(contains(message, "compute the forward pass again"));
  }
  CHECK(x.grad().item() == 12);
}

TEST_CASE("errors of a rule's results") {
  struct Row {
    std::string what;
    Rule rule;
    std::string message;
  };
  const Row rows[] = {
      {"no gradients", [](const Backward&) -> Tensors { return {}; },
       "broken: the gradient rule returned 0 gradients for 1 inputs"},
      {"too many",
       [](const Backward& b) -> Tensors {
         return {b.dy(), b.dy()};
       },
       "broken: the gradient rule returned 2 gradients for 1 inputs"},
      {"undefined", [](const Backward&) -> Tensors { return {{}}; },
       "broken: the gradient rule returned nothing for input 0"},
      {"shape",
       [](const Backward& b) -> Tensors {
         return {b.dy().view({2, 1})};
       },
       "broken: the gradient of input 0 is [2,1] f32 but the input is [2] f32"},
      {"dtype", [](const Backward& b) -> Tensors { return {zeros(b.dy().shape(), DType::f64)}; },
       "broken: the gradient of input 0 is [2] f64 but the input is [2] f32"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Tensor x = leaf({1, 2});
    const std::string message =
        message_of([&] { backward(with_rule(identity(x), row.rule), full({2}, 1)); });
    CHECK(message == row.message);
    CHECK(!x.grad().defined());
  }
}

TEST_CASE("a rule that asks for a tensor that it did not save is an error") {
  struct Row {
    Rule rule;
    std::string message;
  };
  const Row rows[] = {
      {[](const Backward& b) -> Tensors { return {b.saved(0)}; },
       "broken: the rule asks for saved tensor 0 of 0"},
      {[](const Backward& b) -> Tensors { return {b.grad_output(1)}; },
       "broken: the rule asks for the gradient of output 1 of 1"},
      {[](const Backward& b) -> Tensors { return {b.needs(1) ? b.dy() : b.dy()}; },
       "broken: the rule asks about input 1 of 1"},
      {[](const Backward& b) -> Tensors { return {zeros(b.input_shape(1), b.input_dtype(1))}; },
       "broken: the rule asks about input 1 of 1"},
      {[](const Backward& b) -> Tensors { return {full({1}, b.attrs<Factor>().value)}; },
       "broken: the rule asks for attributes of another type"},
      {nullptr, "broken: this op has no gradient; detach its inputs"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const Tensor y = with_rule(leaf({1}), row.rule);
    CHECK(contains(message_of([&] { backward(y); }), row.message));
  }
}

TEST_CASE("an op returns new tensors") {
  const Tensor x = leaf({3}), constant = full({1}, 2), old = identity(x);
  struct Row {
    std::string what;
    Tensors outputs;
    std::string message;
  };
  const Row rows[] = {
      {"the leaf",
       {x},
       "own: output 0 is not a new tensor; to return the memory of an input, return a view()"},
      {"the constant", {x.clone(), constant}, "own: output 1 is not a new tensor"},
      {"another op's output", {old}, "own: output 0 is not a new tensor"},
      {"nothing", {x.clone(), Tensor()}, "own: output 1 is undefined"},
      {"a view", {x.view({1}), constant.view({1})}, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const std::string message = message_of([&] {
      record(OpSchema{"own"}, row.outputs, {x, constant}, {}, {},
             [](const Backward& backward) -> Tensors {
               return {backward.dy(), {}};
             });
    });
    CHECK(message.starts_with(row.message));
    CHECK(message.empty() == row.message.empty());
  }
  CHECK(x.is_leaf());
  CHECK(!constant.requires_grad());
}

TEST_CASE("inputs from which backward cannot start") {
  const Tensor x = leaf({1, 2}), y = identity(x), constant = full({1}, 1);
  struct Row {
    std::function<void()> action;
    std::string message;
  };
  const Row rows[] = {
      {[&] { backward(y); }, "backward: the loss has shape [2]; reduce it to one element"},
      {[&] { backward(constant); },
       "backward: the tensor was not computed from one that requires a gradient"},
      {[&] { backward(Tensor()); }, "use of an undefined tensor"},
      {[&] { backward(y, Tensor()); }, "use of an undefined tensor"},
      {[&] { backward(y, full({1}, 1)); }, "backward: gradient [1] f32 for output [2] f32"},
      {[&] { backward(y, full({2}, 1, DType::f64)); }, "gradient [2] f64 for output [2] f32"},
      {[&] { x.accumulate_grad(full({1}, 1)); }, "gradient [1] f32 for a leaf [2] f32"},
      {[&] { x.accumulate_grad(Tensor()); }, "use of an undefined tensor"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    CHECK(contains(message_of(row.action), row.message));
  }
  CHECK(!x.grad().defined());
  backward(y, full({2}, 1));
  CHECK(x.grad().to_vector() == Elements{1, 1});
}

TEST_CASE("an exception inside a rule leaves the thread and the tensors usable") {
  const Tensor x = leaf({3});
  {
    const Tensor y = with_rule(
        mul(x, x), [](const Backward&) -> Tensors { throw std::runtime_error("inside the rule"); });
    const Tensor z = scale(y, 2);
    CHECK_THROWS_WITH_AS(backward(z), "inside the rule", std::runtime_error);
    CHECK(!x.grad().defined());
    CHECK(contains(message_of([&] { backward(z); }), "scale: backward was already called"));
  }
  backward(mul(x, x));
  CHECK(x.grad().item() == 6);
  CHECK(mul(x, x).requires_grad());
}
