// Strassen's algorithm (ops/strassen.h) against products in float64, with an inaccessible page
// after, then before each matrix. ctest runs this once per instruction set.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/parallel.h"
#include "nn/init.h"
#include "ops/ops.h"
#include "ops/strassen.h"
#include "tests/support/guarded_tensor.h"

using namespace osteon;

namespace {

struct Row {
  std::string name;
  std::int64_t rows, inner, columns;
};

// Units have 12 or 28 rows, pairs of panels 16, 32 or 64 columns, blocks 192 to 768 inner elements,
// which are copied 32 at a time.
const Row kTable[] = {
    {"one element", 1, 1, 1},
    {"one row", 1, 70, 90},
    {"one column", 90, 70, 1},
    {"one inner element", 40, 1, 50},
    {"whole units and pairs", 84, 192, 128},
    {"one row more", 85, 192, 128},
    {"one row less", 83, 192, 128},
    {"one column more", 84, 192, 129},
    {"one column less", 84, 192, 127},
    {"one inner element more", 84, 193, 128},
    {"one inner element less", 84, 191, 128},
    {"only the upper left quarter", 3, 5, 7},
    {"no lower quarter", 29, 40, 33},
    {"two inner blocks, the second incomplete", 50, 1000, 70},
    {"many whole inner blocks", 30, 2304, 64},
    {"many blocks of units", 700, 64, 40},
    {"right factors of one inner block at a time", 31, 3001, 1537},
};

Tensor random(std::int64_t rows, std::int64_t columns, Guard guard, std::uint64_t stream) {
  const Tensor x = guarded_tensor({1, rows, columns}, DType::f32, guard);
  uniform_(x, 1, {.seed = 7, .stream = stream});
  return x;
}

struct Problem {
  Problem(const Row& row, bool transpose_a, bool transpose_b, Guard guard)
      : transposed_a(transpose_a),
        transposed_b(transpose_b),
        a(transpose_a ? random(row.inner, row.rows, guard, 0)
                      : random(row.rows, row.inner, guard, 0)),
        b(transpose_b ? random(row.columns, row.inner, guard, 1)
                      : random(row.inner, row.columns, guard, 1)),
        bias(reshape(random(1, row.columns, guard, 2), {-1})),
        y(guarded_tensor({1, row.rows, row.columns}, DType::f32, guard)) {
    fill_(y, std::numeric_limits<double>::quiet_NaN());
  }

  void run(bool has_bias) const {
    cpu::strassen_matmul(a, b, transposed_a, transposed_b, has_bias ? bias : Tensor(), y);
  }
  Tensor expected(bool has_bias) const {
    const auto wide = [](const Tensor& x) { return cast(x, DType::f64); };
    const Tensor product = matmul(wide(a), wide(b), transposed_a, transposed_b);
    return has_bias ? product + wide(bias) : product;
  }

  bool transposed_a, transposed_b;
  Tensor a, b, bias, y;
};

template <class Test>
void for_each_case(Guard guard, const Test& test) {
  for (const Row& row : kTable)
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true}) {
        CAPTURE(row.name);
        CAPTURE(transpose_a);
        CAPTURE(transpose_b);
        test(row, Problem(row, transpose_a, transpose_b, guard));
      }
}

double largest(const Tensor& x) { return amax(abs(reshape(x, {-1}))).item(); }

}  // namespace

TEST_CASE("products equal those in float64") {
  for (const Guard guard : {Guard::after, Guard::before})
    for_each_case(guard, [](const Row& row, const Problem& problem) {
      for (const bool has_bias : {false, true}) {
        CAPTURE(has_bias);
        problem.run(has_bias);
        // As direct_convolution_test has it for a plain sum, and three times as much: a product is
        // of sums of up to four elements, and four products make an element.
        const double limit = 3 * std::ldexp(static_cast<double>(row.inner) + 8, -24);
        CHECK(largest(cast(problem.y, DType::f64) - problem.expected(has_bias)) <= limit);
      }
    });
}

TEST_CASE("the number of threads does not change a bit") {
  const int threads = num_threads();
  for_each_case(Guard::after, [](const Row&, const Problem& problem) {
    set_num_threads(1);
    problem.run(true);
    const std::vector<double> one = problem.y.to_vector();
    for (const int count : {2, 3, 5}) {
      set_num_threads(count);
      problem.run(true);
      CHECK(problem.y.to_vector() == one);
    }
  });
  set_num_threads(threads);
}

TEST_CASE("linear layers of many rows use it with AVX2, and have the gradients of float64") {
  const Row row{"linear", 1100, 256, 272};
  const auto results = [&](DType dtype) {
    Tensors inputs = {random(row.rows, row.inner, Guard::after, 3),
                      random(row.columns, row.inner, Guard::after, 4),
                      random(1, row.columns, Guard::after, 5)};
    inputs = {cast(reshape(inputs[0], {row.rows, row.inner}), dtype),
              cast(reshape(inputs[1], {row.columns, row.inner}), dtype),
              cast(reshape(inputs[2], {-1}), dtype)};
    for (Tensor& input : inputs) input.set_requires_grad(true);
    const Tensor y = linear(inputs[0], inputs[1], inputs[2]);
    const Tensor dy = reshape(random(row.rows, row.columns, Guard::after, 6), {row.rows, -1});
    backward(sum(y * cast(dy, dtype)));
    return Tensors{y, inputs[0].grad(), inputs[1].grad(), inputs[2].grad()};
  };
  const Tensors right = results(DType::f64), found = results(DType::f32);
  for (std::size_t i = 0; i < right.size(); ++i) {
    CAPTURE(i);
    CHECK(largest(cast(found[i], DType::f64) - right[i]) <=
          3 * std::ldexp(static_cast<double>(row.rows) + 8, -24));
  }
  const Problem problem(row, false, true, Guard::after);
  problem.run(true);
  const Tensor y = linear(reshape(problem.a, {row.rows, row.inner}),
                          reshape(problem.b, {row.columns, row.inner}), problem.bias);
  CHECK((y.to_vector() == problem.y.to_vector()) == (instruction_set() == InstructionSet::avx2));
}
