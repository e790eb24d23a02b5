// The engine: gradients are correct and each is computed once, and shared memory is never changed.
#include "tensor/autograd.h"

#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/support/message_of.h"
#include "tests/tensor/small_ops.h"

using namespace osteon;

namespace {

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
