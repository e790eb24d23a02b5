// The engine: gradients are correct and each is computed once, shared memory is never changed,
// misuse is an error that names the op, and long graphs need neither stack nor memory.
//
// The ops in this file are the smallest that show a property; like every op they end in record().
#include "tensor/autograd.h"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/support/message_of.h"

using namespace osteon;

namespace {

using Elements = std::vector<double>;

// --- ops ----------------------------------------------------------------------------------------

// The result of f for each pair of elements.
template <class F>
Tensor zip(const Tensor& a, const Tensor& b, const F& f) {
  const Elements x = a.to_vector(), y = b.to_vector();
  Elements z(x.size());
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = f(x[i], y[i]);
  return from_vector(z, a.shape(), a.dtype());
}

Tensor product(const Tensor& a, const Tensor& b) {
  return zip(a, b, [](double x, double y) { return x * y; });
}

Tensor add(const Tensor& a, const Tensor& b) {
  const Tensor y = zip(a, b, [](double u, double v) { return u + v; });
  // Both inputs get the same tensor as gradient.
  return record(OpSchema{"add"}, y, {a, b}, {}, {}, [](const Backward& backward) -> Tensors {
    return {backward.dy(), backward.dy()};
  });
}

Tensor mul(const Tensor& a, const Tensor& b) {
  return record(OpSchema{"mul"}, product(a, b), {a, b}, {a, b}, {},
                [](const Backward& backward) -> Tensors {
                  return {backward.needs(0) ? product(backward.dy(), backward.saved(1)) : Tensor(),
                          backward.needs(1) ? product(backward.dy(), backward.saved(0)) : Tensor()};
                });
}

struct Factor {
  double value;
};
constexpr OpSchema<Factor> kScale{"scale"};

// 3 x. The rule adds its share to the part of x's gradient that was collected before; `taken`
// counts the calls with such a part.
int taken = 0;
Tensor triple(const Tensor& x) {
  const Tensor y = zip(x, x, [](double u, double) { return 3 * u; });
  return record(OpSchema{"triple"}, y, {x}, {}, {}, [](const Backward& b) -> Tensors {
    const Tensor share = zip(b.dy(), b.dy(), [](double u, double) { return 3 * u; });
    const Tensor others = b.take_gradient_so_far(0);
    if (!others.defined()) return {share};
    ++taken;
    return {zip(share, others, [](double u, double v) { return u + v; })};
  });
}

// x, and the rule multiplies dy by `mask`, unless another rule has done so; `masked` counts these.
int masked = 0;
Tensor gate(const Tensor& x, const Tensor& mask) {
  const Tensor y = record(OpSchema{"gate"}, x.clone(), {x}, {mask}, {}, [](const Backward& b) {
    masked += b.dy_is_masked();
    return Tensors{b.dy_is_masked() ? b.dy() : product(b.dy(), b.saved(0))};
  });
  offer_relu_mask(y, mask);
  return y;
}

// triple, whose rule also multiplies by the mask that the input's op offers.
Tensor masking_triple(const Tensor& x) {
  return record(OpSchema{"masking_triple"}, triple(x).detach(), {x}, {}, {},
                [](const Backward& b) -> Tensors {
                  Tensor sum = product(b.dy(), full(b.dy().shape(), 3));
                  const Tensor others = b.take_gradient_so_far(0);
                  if (others.defined())
                    sum = zip(sum, others, [](double u, double v) { return u + v; });
                  const Tensor mask = b.take_relu_mask(0);
                  return {mask.defined() ? product(sum, mask) : sum};
                });
}

Tensor scale(const Tensor& x, double factor) {
  const auto scaled = [](const Tensor& t, double f) { return product(t, full(t.shape(), f)); };
  return record(kScale, scaled(x, factor), {x}, {}, {factor},
                [](const Backward& backward) -> Tensors {
                  const double f = backward.attrs<Factor>().value;
                  return {product(backward.dy(), full(backward.dy().shape(), f))};
                });
}

// The gradient is passed on unchanged: dx is dy, the same memory.
Tensor identity(const Tensor& x) {
  return record(OpSchema{"identity"}, x.clone(), {x}, {}, {},
                [](const Backward& backward) -> Tensors { return {backward.dy()}; });
}

// dx is the saved tensor, the same memory.
Tensor gradient_is_saved(const Tensor& x, const Tensor& kept) {
  return record(OpSchema{"gradient_is_saved"}, x.clone(), {x}, {kept}, {},
                [](const Backward& backward) -> Tensors { return {backward.saved(0)}; });
}

// Two outputs, x and 10 x.
Tensors fork(const Tensor& x) {
  return record(OpSchema{"fork"}, Tensors{x.clone(), product(x, full(x.shape(), 10))}, {x}, {}, {},
                [](const Backward& backward) -> Tensors {
                  return {zip(backward.grad_output(0), backward.grad_output(1),
                              [](double first, double second) { return first + 10 * second; })};
                });
}

// An op for tests that need only a rule.
Tensor with_rule(const Tensor& x, Rule rule) {
  return record(OpSchema{"broken"}, x.clone(), {x}, {}, {}, rule);
}

Tensor leaf(const Elements& elements) {
  return from_vector(elements, {static_cast<std::int64_t>(elements.size())})
      .set_requires_grad(true);
}

std::size_t current_bytes() { return memory_statistics().current_bytes; }

}  // namespace

TEST_CASE("gradients of small graphs") {
  struct Row {
    std::string what;
    std::function<Tensor(const Tensor&)> f;
    double derivative;  // at x = 3
  };
  const auto power = [](const Tensor& x, int n) {
    Tensor y = x;
    for (int i = 1; i < n; ++i) y = mul(y, x);
    return y;
  };
  const Row rows[] = {
      {"the leaf itself", [](const Tensor& x) { return x; }, 1},
      {"identity", identity, 1},
      {"x + x", [](const Tensor& x) { return add(x, x); }, 2},
      {"x + x + x + x, paired", [](const Tensor& x) { return add(add(x, x), add(x, x)); }, 4},
      {"x x", [](const Tensor& x) { return mul(x, x); }, 6},
      {"x^5", [&](const Tensor& x) { return power(x, 5); }, 405},
      {"y + y of y = x x",
       [](const Tensor& x) {
         const Tensor y = mul(x, x);
         return add(y, y);
       },
       12},
      {"diamond", [](const Tensor& x) { return mul(scale(x, 2), scale(x, 5)); }, 60},
      {"residual addition",
       [](const Tensor& x) {
         const Tensor h = mul(x, x);
         return add(h, scale(h, 7));
       },
       48},
      {"residual addition, other order",
       [](const Tensor& x) {
         const Tensor h = mul(x, x);
         return add(scale(h, 7), h);
       },
       48},
      {"chain of residual additions",
       [](const Tensor& x) {
         Tensor h = identity(x);
         for (int i = 0; i < 5; ++i) h = add(h, scale(h, 2));
         return h;
       },
       243},
      {"used early and late", [](const Tensor& x) { return add(mul(mul(x, x), x), x); }, 28},
      {"a constant beside it", [](const Tensor& x) { return mul(x, full({1}, 4)); }, 4},
      {"a detached part", [](const Tensor& x) { return mul(x, mul(x, x).detach()); }, 9},
      {"a cloned part", [](const Tensor& x) { return mul(x, mul(x, x).clone()); }, 9},
      {"both outputs",
       [](const Tensor& x) {
         const Tensors y = fork(x);
         return add(y[0], y[1]);
       },
       11},
      {"first output only", [](const Tensor& x) { return fork(x)[0]; }, 1},
      {"second output only", [](const Tensor& x) { return fork(x)[1]; }, 10},
      {"one output twice",
       [](const Tensor& x) {
         const Tensors y = fork(x);
         return mul(y[1], y[1]);
       },
       600},
      {"fork of a fork's second", [](const Tensor& x) { return fork(fork(x)[1])[1]; }, 100},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Tensor x = leaf({3});
    backward(row.f(x));
    REQUIRE(x.grad().defined());
    CHECK(x.grad().item() == row.derivative);
  }
}

TEST_CASE("tensors that require a gradient, and tensors with a history") {
  const Tensor x = leaf({1, 2}), constant = full({2}, 3);
  CHECK(x.requires_grad());
  CHECK(x.is_leaf());
  CHECK(!constant.requires_grad());
  CHECK(!add(constant, constant).requires_grad());
  const Tensor y = add(x, constant);
  CHECK(y.requires_grad());
  CHECK(!y.is_leaf());
  for (const Tensor& without : {y.detach(), y.clone(), y.view({2, 1}), y.rows(0, 1)}) {
    CHECK(!without.requires_grad());
    CHECK(without.is_leaf());
  }
  CHECK(y.detach().shares_memory(y));
  Tensor frozen = leaf({1, 2});
  frozen.set_requires_grad(false);
  CHECK(!add(frozen, constant).requires_grad());
  CHECK(contains(message_of([&] { Tensor(y).set_requires_grad(true); }),
                 "the tensor was computed by an op"));
}

TEST_CASE("an absent input and an absent saved tensor stay absent") {
  const Tensor x = leaf({2});
  const Tensor y = record(OpSchema{"with_bias"}, x.clone(), {x, Tensor()}, {Tensor()}, {},
                          [](const Backward& backward) -> Tensors {
                            CHECK(backward.needs(0));
                            CHECK(!backward.needs(1));
                            CHECK(!backward.saved(0).defined());
                            return {backward.dy(), {}};
                          });
  backward(y);
  CHECK(x.grad().item() == 1);
}

TEST_CASE("a rule gets its inputs' shapes and dtypes and the gradients that are not needed") {
  const Tensor x = leaf({2, 3}), frozen = full({4}, 1, DType::f64);
  const Tensor y = record(OpSchema{"mixed"}, zeros({5}), {frozen, x}, {}, {},
                          [](const Backward& backward) -> Tensors {
                            CHECK(!backward.needs(0));
                            CHECK(backward.needs(1));
                            CHECK(backward.input_shape(0) == Shape{4});
                            CHECK(backward.input_dtype(0) == DType::f64);
                            CHECK(backward.input_shape(1) == Shape{2});
                            CHECK(backward.input_dtype(1) == DType::f32);
                            CHECK(backward.dy().shape() == Shape{5});
                            CHECK(backward.dy().to_vector() == Elements(5, 0.5));
                            return {{}, full({2}, 8)};
                          });
  backward(y, full({5}, 0.5));
  CHECK(x.grad().to_vector() == Elements{8, 8});
}

TEST_CASE("a gradient that two tensors share is not changed for one by the other") {
  const Tensor p = leaf({1}), q = leaf({1}), dy = full({1}, 1);
  const Tensor a = identity(p), b = identity(q);
  // add passes one gradient to a and b; then a accumulates more.
  const Tensor sum = add(a, b);
  backward(add(add(sum, a), a), dy);
  CHECK(p.grad().item() == 3);
  CHECK(q.grad().item() == 1);
  CHECK(dy.item() == 1);
  CHECK(!p.grad().shares_memory(q.grad()));
  CHECK(!q.grad().shares_memory(dy));
}

TEST_CASE("a shared gradient is not changed by a fresh one that arrives later") {
  const Tensor p = leaf({1}), q = leaf({1});
  const Tensor a = identity(p), b = identity(q);
  const Tensor scaled = scale(a, 5);  // processed after the sum
  const Tensor sum = add(a, b);
  backward(add(sum, scaled));
  CHECK(p.grad().item() == 6);
  CHECK(q.grad().item() == 1);
}

TEST_CASE("a saved tensor that is returned as the gradient is not changed") {
  const Tensor x = leaf({1}), kept = full({1}, 5);
  const Tensor y = identity(x);
  backward(add(gradient_is_saved(y, kept), gradient_is_saved(y, kept)));
  CHECK(x.grad().item() == 10);
  CHECK(kept.item() == 5);
  backward(gradient_is_saved(x, kept));
  backward(gradient_is_saved(x, kept));
  CHECK(x.grad().item() == 20);
  CHECK(kept.item() == 5);
}

TEST_CASE("a given gradient is not kept or changed") {
  const Tensor x = leaf({1, 2}), dy = from_vector({10, 20}, {2});
  backward(x, dy);
  backward(x, dy);
  backward(identity(x), dy);
  CHECK(x.grad().to_vector() == Elements{30, 60});
  CHECK(dy.to_vector() == Elements{10, 20});
  CHECK(!x.grad().shares_memory(dy));
}

TEST_CASE("a leaf accumulates over several backward passes until zero_grad") {
  const Tensor x = leaf({3});
  CHECK(!x.grad().defined());
  backward(mul(x, x));
  CHECK(x.grad().item() == 6);
  backward(scale(x, 4));
  CHECK(x.grad().item() == 10);
  x.zero_grad();
  CHECK(!x.grad().defined());
  backward(scale(x, 5));
  CHECK(x.grad().item() == 5);
}

TEST_CASE("a gradient that was taken is not changed by later backward passes") {
  const Tensor x = leaf({3});
  backward(scale(x, 4));
  const Tensor taken = x.grad();
  backward(scale(x, 5));
  CHECK(taken.item() == 4);
  CHECK(x.grad().item() == 9);
  const Tensor second = x.grad();
  x.zero_grad();
  backward(scale(x, 6));
  CHECK(second.item() == 9);
  CHECK(x.grad().item() == 6);
}

TEST_CASE("a bound gradient keeps its place in the arena") {
  const Tensor arena = full({4}, 77);
  const Tensor x = leaf({1, 2});
  x.bind_grad(arena.rows(1, 3));
  const std::byte* const place = arena.rows(1, 3).raw();
  CHECK(!x.grad().defined());
  for (int round = 0; round < 2; ++round) {
    backward(mul(x, x), full({2}, 1));
    CHECK(x.grad().raw() == place);
    CHECK(arena.to_vector() == Elements{77, 2, 4, 77});
    backward(identity(x), full({2}, 10));
    CHECK(x.grad().raw() == place);
    CHECK(arena.to_vector() == Elements{77, 12, 14, 77});
    x.zero_grad();
    CHECK(!x.grad().defined());
  }
}

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

TEST_CASE("NoGrad prevents history, nests, ends with its scope, and applies to one thread") {
  const Tensor x = leaf({3});
  {
    const NoGrad outer;
    CHECK(!mul(x, x).requires_grad());
    {
      const NoGrad inner;
      CHECK(!mul(x, x).requires_grad());
    }
    CHECK(!mul(x, x).requires_grad());
    std::thread([&] { CHECK(mul(x, x).requires_grad()); }).join();
  }
  CHECK(mul(x, x).requires_grad());
  try {
    const NoGrad unwound;
    throw std::runtime_error("leaves the scope");
  } catch (const std::runtime_error&) {
  }
  CHECK(mul(x, x).requires_grad());
}

TEST_CASE("rules record no history, with and without NoGrad") {
  const Tensor x = leaf({3});
  const auto squared = [&] {
    return record(OpSchema{"outer"}, x.clone(), {x}, {x.view({1})}, {},
                  [](const Backward& backward) -> Tensors {
                    Tensor w = backward.saved(0).clone();
                    w.set_requires_grad(true);
                    const Tensor dx = mul(w, w);
                    CHECK(!dx.requires_grad());
                    return {dx};
                  });
  };
  backward(squared());
  CHECK(mul(x, x).requires_grad());
  const Tensor y = squared();
  const NoGrad no_grad;
  backward(y);
  CHECK(x.grad().item() == 18);
  CHECK(!mul(x, x).requires_grad());
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

TEST_CASE("an output of integers has no history and no gradient") {
  const Tensor x = leaf({3});
  const Tensors y = record(OpSchema{"with_index"}, Tensors{x.clone(), zeros({1}, DType::i64)}, {x},
                           {}, {}, [](const Backward& backward) -> Tensors {
                             CHECK(!backward.grad_output(1).defined());
                             return {backward.grad_output(0)};
                           });
  CHECK(!y[1].requires_grad());
  backward(y[0]);
  CHECK(x.grad().item() == 1);
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

namespace {

// Bytes in use each time that a rule of `watched` ran, the last op first.
std::vector<std::size_t>& memory_seen() {
  static std::vector<std::size_t> seen;
  return seen;
}

Tensor watched(const Tensor& x) {
  const Tensor y = x.clone();
  return record(OpSchema{"watched"}, y, {x}, {y}, {}, [](const Backward& backward) -> Tensors {
    memory_seen().push_back(current_bytes());
    return {backward.dy().clone()};
  });
}

}  // namespace

TEST_CASE("saved tensors are freed as backward passes them, gradients as soon as they are used") {
  constexpr std::size_t kBlock = 1 << 20;
  constexpr std::size_t kOps = 8;
  const Tensor x = zeros({kBlock / 4}).set_requires_grad(true);
  const std::size_t base = current_bytes();
  Tensor y = x;
  for (std::size_t i = 0; i < kOps; ++i) y = watched(y);
  CHECK(current_bytes() == base + kOps * kBlock);
  const std::shared_ptr<Node> last = y.grad_fn();
  y = Tensor();
  memory_seen().clear();
  reset_peak_memory();
  {
    const Tensor output({kBlock / 4}, DType::f32);
    output.set_history(last, 0);
    backward(output, zeros({kBlock / 4}));
  }
  // At op i, in addition to the saved tensors of earlier ops: its dy; at first the output and the
  // given dy.
  REQUIRE(memory_seen().size() == kOps);
  for (std::size_t i = 0; i < kOps; ++i) {
    CAPTURE(i);
    const std::size_t given = 2 * kBlock, dy = i == 0 ? 0 : kBlock;
    CHECK(memory_seen()[i] == base + (kOps - i) * kBlock + given + dy);
  }
  CHECK(current_bytes() == base + kBlock);  // x's gradient
}

TEST_CASE("a graph without a backward pass is freed, though its ops saved their own outputs") {
  const Tensor x = leaf({1});
  const std::size_t base = current_bytes();
  std::weak_ptr<Node> node;
  {
    const Tensor y = watched(watched(x));
    node = y.grad_fn();
    CHECK(!node.expired());
  }
  CHECK(node.expired());
  CHECK(current_bytes() == base);
}

TEST_CASE("a chain of a million ops neither recurses nor leaks") {
  constexpr int kOps = 1'000'000;
  struct Row {
    std::string what;
    bool walked;
  };
  for (const Row& row : {Row{"built and dropped", false}, Row{"processed and dropped", true}}) {
    CAPTURE(row.what);
    const Tensor x = leaf({1});
    const std::size_t base = current_bytes();
    {
      Tensor y = identity(x);
      const std::weak_ptr<Node> first = y.grad_fn();
      for (int i = 1; i < kOps; ++i) y = identity(y);
      if (row.walked) {
        backward(y);
        CHECK(x.grad().item() == 1);
        x.zero_grad();
      }
      CHECK(!first.expired());
      y = Tensor();
      CHECK(first.expired());
    }
    CHECK(current_bytes() == base);
  }
}

TEST_CASE("a long chain in which each op uses its input twice is processed once per op") {
  const Tensor x = leaf({1});
  {
    Tensor y = x;
    for (int i = 0; i < 100; ++i) y = add(y, y);
    backward(y);
  }
  CHECK(x.grad().item() == 0x1p100);
}

TEST_CASE("a graph may be built in one thread and processed in another") {
  const Tensor x = leaf({3});
  Tensor y;
  std::thread([&] { y = mul(x, x); }).join();
  const Tensor z = scale(y, 2);
  std::thread([&] { backward(z); }).join();
  CHECK(x.grad().item() == 12);
}

TEST_CASE("a rule may take the part of a gradient collected so far, and return the sum") {
  const Tensor x = leaf({1, 2, 3});
  const Elements ones(3, 1);
  struct Row {
    const char* name;
    std::function<Tensor(const Tensor&)> uses;  // of y = 2 x, the last use first in backward
    double gradient;                            // of x
    int taken;
  };
  const Row rows[] = {
      {"nothing before", [](const Tensor& y) { return triple(y); }, 6, 0},
      {"one before",
       [](const Tensor& y) {
         const Tensor first = triple(y);
         return add(first, scale(y, 5));
       },
       16, 1},
      {"two before and one after",
       [](const Tensor& y) {
         const Tensor first = scale(y, 7), second = triple(y);
         return add(add(first, second), add(scale(y, 5), scale(y, 11)));
       },
       52, 1},
      {"shared with another owner",
       [](const Tensor& y) {
         const Tensor first = triple(y);
         return add(first, y);
       },
       8, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    x.zero_grad();
    taken = 0;
    backward(row.uses(scale(x, 2)), from_vector(ones, {3}, x.dtype()));
    CHECK(x.grad().to_vector() == Elements(3, row.gradient));
    CHECK(taken == row.taken);
  }
  x.zero_grad();
  backward(triple(x), from_vector(ones, {3}, x.dtype()));  // a leaf's gradient is not taken
  CHECK(x.grad().to_vector() == Elements(3, 3));
}

TEST_CASE("a rule may multiply by the ReLU mask that its input's op offers") {
  const Tensor x = leaf({1, 2, 3}), mask = from_vector({1, 0, 1}, {3}, x.dtype());
  struct Row {
    const char* name;
    std::function<Tensor(const Tensor&)> uses;  // of y = gate(x), the last use first in backward
    double gradient;                            // of x where the mask is set
    int masked;
  };
  const Row rows[] = {
      {"no rule that masks", [](const Tensor& y) { return triple(y); }, 3, 0},
      {"one use", [](const Tensor& y) { return masking_triple(y); }, 3, 1},
      {"it takes the others' part",
       [](const Tensor& y) {
         const Tensor first = masking_triple(y);
         return add(first, scale(y, 5));
       },
       8, 1},
      {"a later part has no mask",
       [](const Tensor& y) {
         const Tensor first = scale(y, 5);
         return add(first, masking_triple(y));
       },
       8, 0},
      {"both parts have it",
       [](const Tensor& y) { return add(masking_triple(y), masking_triple(y)); }, 6, 1},
      {"the others' part has another owner",
       [](const Tensor& y) {
         const Tensor first = masking_triple(y);
         return add(first, y);
       },
       4, 0},
      {"its input is not the output of the op",
       [](const Tensor& y) { return masking_triple(scale(y, 2)); }, 6, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    x.zero_grad();
    masked = 0;
    backward(row.uses(gate(x, mask)), full({3}, 1, x.dtype()));
    CHECK(x.grad().to_vector() == Elements{row.gradient, 0, row.gradient});
    CHECK(masked == row.masked);
  }
}
