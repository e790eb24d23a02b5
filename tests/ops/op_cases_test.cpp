// All checks on every row of the op table: float64 against golden values, gradients against central
// differences, lower precisions against float64, reproducible bits, any number of threads, any
// subset of gradients; and errors for bad inputs.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/parallel.h"
#include "ops/backend.h"
#include "ops/convolution/run.h"
#include "ops/ops.h"
#include "tests/ops/op_runs.h"
#include "tests/ops/op_tolerance.h"
#include "tests/support/for_each_row.h"
#include "tests/support/golden_file.h"
#include "tests/support/gradient_check.h"
#include "tests/support/message_of.h"

using namespace osteon;
using namespace osteon::functors;  // for the lists of functors.h

namespace {

// Kernels and a dtype in lower precision, to be compared with float64.
struct LowerPrecision {
  Backend backend;
  DType dtype;
  std::optional<convolution::Kernel> convolutions = std::nullopt;
};

std::vector<LowerPrecision> lower_precisions() {
  std::vector<LowerPrecision> all = {{Backend::reference, DType::f32},
                                     {Backend::automatic, DType::f32},
                                     {Backend::automatic, DType::bf16}};
  for (std::size_t i = 0; i < convolution::kKernels; ++i)
    all.push_back({Backend::automatic, DType::f32, static_cast<convolution::Kernel>(i)});
  return all;
}

// Whether the choice of a convolution's kernel is of any effect.
bool has_convolution(const OpCase& row) {
  return row.op.find("conv") != std::string::npos || row.op == "dense_block";
}

// Proper subsets of the differentiable inputs, as bits: all of them or, if there are many inputs,
// one input alone, all except one, and none.
std::vector<std::size_t> subsets_to_try(const OpCase& row) {
  constexpr int kMany = 6;
  std::size_t differentiable = 0;
  for (std::size_t i = 0; i < row.inputs.size(); ++i)
    if (row.inputs[i].differentiable) differentiable |= std::size_t{1} << i;
  std::vector<std::size_t> subsets;
  if (std::popcount(differentiable) <= kMany) {
    // The next smaller number with only bits of differentiable inputs.
    for (std::size_t chosen = differentiable; chosen > 0;)
      subsets.push_back(chosen = (chosen - 1) & differentiable);
    return subsets;
  }
  subsets.push_back(0);
  for (std::size_t i = 0; i < row.inputs.size(); ++i) {
    const std::size_t one = differentiable & std::size_t{1} << i;
    if (one != 0) subsets.insert(subsets.end(), {one, differentiable ^ one});
  }
  return subsets;
}

// The largest error of the kernels that computed convolutions while this object lived, as a factor
// of the tolerance.
class KernelError {
 public:
  double factor() const { return factor_; }

 private:
  void note(const convolution::Execution& execution) {
    for (std::size_t i = 0; i < convolution::kKernels; ++i) {
      const auto& kernel = convolution::candidate(static_cast<convolution::Kernel>(i));
      if (std::string_view(execution.kernel) == kernel.name)
        factor_ = std::max(factor_, kernel.error);
    }
  }

  double factor_ = 1;
  const convolution::ObserveConvolutions observer_{
      [this](const convolution::Execution& execution) { note(execution); }};
};

// Whether only the parameters of the call can be the fault.
bool refuses_parameters(const BadOpCase& row) {
  return !row.attrs.empty() && std::ranges::all_of(row.inputs, [](const Input& input) {
    return input.kind != Input::Kind::absent && input.type == Input::Type::activation;
  });
}

template <class Functor>
void check_is_tested() {
  if constexpr (requires(const Functor& functor) { functor.check(); })
    CHECK_MESSAGE(std::ranges::any_of(bad_op_cases(),
                                      [](const BadOpCase& row) {
                                        return row.op == Functor::name && refuses_parameters(row);
                                      }),
                  std::string(Functor::name),
                  ": no row has parameters that check() refuses; add one to "
                  "tests/ops/op_bad_cases.cpp");
}

}  // namespace

TEST_CASE("names are unique and every op has a row") {
  std::set<std::string> names, ops;
  for (const OpCase& row : op_cases()) {
    CHECK_MESSAGE(names.insert(row.name).second, row.name);
    ops.insert(row.op);
  }
  for (const std::string& op : callable_ops()) CHECK_MESSAGE(ops.contains(op), op);
}

TEST_CASE("every check() of a functor has a row that it refuses") {
#define X(Functor) check_is_tested<Functor>();
  OSTEON_DIFFERENTIABLE(X)
  OSTEON_COMPARISONS(X)
#undef X
}

TEST_CASE("float64 gives the golden outputs and gradients") {
  GoldenFile golden("op_cases.safetensors");
  for_each_row([&](const OpCase& row) {
    if (golden.text(row.name) != hash_of(row))
      FAIL_CHECK(
          "the row is new or was edited after its golden values were written; run "
          "build/bin/tests/op_cases_list | python3 scripts/golden/ops.py");
    for (const auto& [name, tensor] : run(row, DType::f64))
      CHECK(golden.difference(row.name + "/" + name, tensor, 1e-10, 1) == "");
  });
  if (!wanted_rows().empty()) return;
  for (const std::string& entry : golden.unused()) FAIL_CHECK(entry << ": no row computes it");
}

TEST_CASE("gradients agree with central differences") {
  for_each_row([](const OpCase& row) {
    if (row.step == 0) return;
    const Tensors inputs = leaves_of(row, make_inputs(row.name, row.inputs, DType::f64), everyone);
    Tensors leaves;
    std::int64_t elements = 0;
    for (const Tensor& input : inputs)
      if (input.defined() && input.requires_grad()) {
        leaves.push_back(input);
        elements += input.numel();
      }
    CHECK(!leaves.empty());
    const auto forward = [&] { return call_op(row.op, inputs, row.attrs, DType::f64); };
    const std::int64_t samples = elements > 4000 ? 6 : 256;  // only a few if each is expensive
    for (const double error : gradient_errors(forward, leaves, {row.step, samples}))
      CHECK(error <= 1e-6);
  });
}

// The input of a fused activation is not drawn, so its distance from the kinks is checked.
TEST_CASE("central differences keep 100 steps away from the kinks of a fused activation") {
  for_each_row([](const OpCase& row) {
    const std::string activation = row.attrs.value("activation", "none");
    if (row.step == 0 || (activation != "relu" && activation != "relu6")) return;
    nlohmann::json without = row.attrs;
    without["activation"] = "none";
    const Tensors inputs = make_inputs(row.name, row.inputs, DType::f64);
    for (const double element : call_op(row.op, inputs, without, DType::f64).to_vector()) {
      CHECK(std::abs(element) >= 100 * row.step);
      if (activation == "relu6") CHECK(std::abs(element - 6) >= 100 * row.step);
    }
  });
}

TEST_CASE("lower precisions stay near float64") {
  for (const LowerPrecision& lower : lower_precisions()) {
    set_backend(lower.backend);
    convolution::prefer(lower.convolutions);
    for_each_row([&](const OpCase& row) {
      CAPTURE(static_cast<int>(lower.backend));
      CAPTURE(lower.convolutions ? static_cast<int>(*lower.convolutions) : -1);
      CAPTURE(format(lower.dtype));
      if (lower.convolutions && !has_convolution(row)) return;
      const Tensors inputs = make_inputs(row.name, row.inputs, lower.dtype);
      const KernelError kernels;
      const Results results = run(row, inputs, lower.dtype);
      const Results reference = run(row, widened(inputs), DType::f64);
      for (std::size_t i = 0; i < results.size(); ++i) {
        CAPTURE(results[i].first);
        CAPTURE(largest_difference(results[i].second, reference[i].second));
        CHECK(relative_difference(results[i].second, reference[i].second) <=
              kernels.factor() * tolerance(row, reference, i, lower.dtype));
      }
    });
  }
  set_backend(Backend::automatic);
  convolution::prefer(std::nullopt);
}

// The limits are narrow enough to detect a kernel with one wrong product in a thousand.
TEST_CASE("the limits detect one term of 1,000 that is left out or doubled") {
  const OpCase row = {"terms", "linear", {uniform({8, 1000}), uniform({16, 1000})}};
  const Tensors inputs = make_inputs(row.name, row.inputs, DType::f64);
  const Results right = {{"output", linear(inputs[0], inputs[1], Tensor())}};
  CHECK(terms(row, right, 0) == 1000);
  for (const std::int64_t term : {0, 499, 999})
    for (const double change : {-1.0, 1.0}) {
      const Tensor product =
          matmul(narrow(inputs[0], 1, term, 1), narrow(inputs[1], 1, term, 1), false, true);
      const Tensor wrong = right[0].second + product * change;
      const double difference = relative_difference(wrong, right[0].second);
      CHECK(difference > 1000 * tolerance(row, right, 0, DType::f32));
      CHECK(difference > tolerance(row, right, 0, DType::bf16));
    }
}

TEST_CASE("a second run gives the same bits") {
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16})
    for_each_row([&](const OpCase& row) {
      CAPTURE(format(dtype));
      const Results first = run(row, dtype), second = run(row, dtype);
      for (std::size_t i = 0; i < first.size(); ++i)
        CHECK_MESSAGE(same_bits(first[i].second, second[i].second), first[i].first);
    });
}

TEST_CASE("the number of threads does not matter") {
  const int before = num_threads();
  for_each_row([](const OpCase& row) {
    set_num_threads(1);
    const Results one = run(row, DType::f64);
    for (const int threads : {2, 3}) {
      CAPTURE(threads);
      set_num_threads(threads);
      const Results several = run(row, DType::f64);
      for (std::size_t i = 0; i < one.size(); ++i) {
        CAPTURE(one[i].first);
        CHECK(relative_difference(several[i].second, one[i].second) <= 1e-12);
      }
    }
  });
  set_num_threads(before);
}

TEST_CASE("a gradient does not depend on which other gradients are needed") {
  for_each_row([](const OpCase& row) {
    const Tensors inputs = make_inputs(row.name, row.inputs, DType::f64);
    const Results all = run(row, inputs, DType::f64);
    for (const std::size_t chosen : subsets_to_try(row)) {
      CAPTURE(chosen);
      const Results some =
          run(row, inputs, DType::f64, [&](std::size_t i) { return (chosen >> i & 1) == 1; });
      for (const auto& part : some)
        for (const auto& whole : all)
          if (part.first == whole.first)
            CHECK_MESSAGE(same_bits(part.second, whole.second), part.first);
    }
  });
}

// A rule may compute in the memory of dy only if nothing else will read it.
TEST_CASE("backward leaves the caller's gradient as it is") {
  for_each_row([](const OpCase& row) {
    const Tensors inputs = make_inputs(row.name, row.inputs, DType::f64);
    const Tensor y = call_op(row.op, leaves_of(row, inputs, everyone), row.attrs, DType::f64);
    if (!y.requires_grad()) return;
    const Tensor ones = full(y.shape(), 1, y.dtype()), given = ones.clone();
    backward(y, given);
    CHECK(same_bits(given, ones));
  });
}

TEST_CASE("an input that an op changes gets a new version") {
  for_each_row([](const OpCase& row) {
    const Tensors inputs = make_inputs(row.name, row.inputs, DType::f64);
    const Tensors leaves = leaves_of(row, inputs, everyone);
    std::vector<std::uint64_t> versions;
    for (const Tensor& leaf : leaves) versions.push_back(leaf.defined() ? leaf.version() : 0);
    call_op(row.op, leaves, row.attrs, DType::f64);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      CAPTURE(i);
      if (leaves[i].defined() && !same_bits(leaves[i], inputs[i]))
        CHECK(leaves[i].version() > versions[i]);
    }
  });
}

TEST_CASE("a comparison has no history, also of tensors that require a gradient") {
  Tensor x = from_vector({-1, 0.5, 2}, {3});
  x.set_requires_grad(true);
  for (const Tensor& result : {lt(x, x), ge(x, 0.0)}) {
    CHECK(result.dtype() == DType::u8);
    CHECK(!result.requires_grad());
  }
  backward(sum(where(ge(x, 0.0), x * 3.0, -x)));
  CHECK(x.grad().to_vector() == std::vector<double>{-1, 3, 3});
}

TEST_CASE("where() gives the operand that was not chosen 0, even if the gradient is infinite") {
  Tensor inputs[] = {from_vector({1, 2}, {2}), from_vector({3, 4}, {2})};
  for (Tensor& input : inputs) input.set_requires_grad(true);
  const Tensor y = where(from_vector({1, 0}, {2}, DType::u8), inputs[0], inputs[1]);
  backward(y, from_vector({INFINITY, 5}, {2}));
  CHECK(inputs[0].grad().to_vector() == std::vector<double>{INFINITY, 0});
  CHECK(inputs[1].grad().to_vector() == std::vector<double>{0, 5});
}

TEST_CASE("a product saves only the operands that a gradient needs") {
  Tensor x = from_vector({1, 2}, {2});
  x.set_requires_grad(true);
  const Tensor gate = from_vector({3, 4}, {2});
  const Tensor y = x * gate, doubled = x * 2.0;
  fill_(x.detach(), 0);  // the gradients do not use x
  backward(sum(y + doubled));
  CHECK(x.grad().to_vector() == std::vector<double>{5, 6});
}

TEST_CASE("bad inputs are refused with an error that names them") {
  for (const BadOpCase& row : bad_op_cases()) {
    Tensors inputs = make_inputs(row.op, row.inputs, row.dtype);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].defined() && row.inputs[i].differentiable) inputs[i].set_requires_grad(true);
    const std::string message = message_of([&] { call_op(row.op, inputs, row.attrs, row.dtype); });
    CAPTURE(row.op);
    CAPTURE(row.message);
    CAPTURE(message);
    CHECK(contains(message, row.message));
  }
}
