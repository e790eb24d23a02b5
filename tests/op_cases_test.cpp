// Every row of the op table through every check: float64 against golden values, gradients against
// central differences, lower precisions against float64, the same bits twice, any number of
// threads, any choice of gradients; and bad inputs.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>

#include "ops/backend.h"
#include "tensor/autograd.h"
#include "tensor/parallel.h"
#include "tests/golden_file.h"
#include "tests/gradient_check.h"
#include "tests/hashed.h"
#include "tests/message_of.h"
#include "tests/op_cases.h"

using namespace osteon;

namespace {

// What a row computes: the output, the gradients that were asked for, the inputs it updated.
using Results = std::vector<std::pair<std::string, Tensor>>;

using Choice = std::function<bool(std::size_t)>;
bool everyone(std::size_t) { return true; }

// Clones, so that an op that updates an input finds the same one each time.
Tensors leaves_of(const OpCase& row, const Tensors& inputs, const Choice& wants_gradient) {
  Tensors leaves;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    leaves.push_back(inputs[i].defined() ? inputs[i].clone() : Tensor());
    if (row.inputs[i].differentiable && wants_gradient(i)) leaves[i].set_requires_grad(true);
  }
  return leaves;
}

Tensor cotangent_of(const OpCase& row, const Tensor& output) {
  const HashedSequence draws(row.name + "/cotangent");
  std::vector<double> elements(static_cast<std::size_t>(output.numel()));
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = draws.coarse(i);
  return from_vector(elements, output.shape(), output.dtype());
}

Results run(const OpCase& row, const Tensors& inputs, DType dtype,
            const Choice& wants_gradient = everyone) {
  const Tensors leaves = leaves_of(row, inputs, wants_gradient);
  const Tensor output = call_op(row.op, leaves, row.attrs, dtype);
  if (output.requires_grad()) backward(output, cotangent_of(row, output));
  Results results{{"output", output.detach()}};
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (row.inputs[i].differentiable && wants_gradient(i))
      results.emplace_back(format("gradient", i), leaves[i].grad());
    if (row.inputs[i].updated) results.emplace_back(format("updated", i), leaves[i]);
  }
  return results;
}

Results run(const OpCase& row, DType dtype) {
  return run(row, make_inputs(row.name, row.inputs, dtype), dtype);
}

// The same numbers in float64: the reference starts from what the lower precision starts from.
Tensors widened(const Tensors& inputs) {
  Tensors wide;
  for (const Tensor& input : inputs)
    wide.push_back(input.defined() && is_floating(input.dtype())
                       ? from_vector(input.to_vector(), input.shape(), DType::f64)
                       : input);
  return wide;
}

double largest(const Tensor& tensor) {
  double size = 0;
  for (const double element : tensor.to_vector()) size = std::max(size, std::abs(element));
  return size;
}

// The largest difference over the largest entry of `reference`.
double relative_difference(const Tensor& tensor, const Tensor& reference) {
  REQUIRE(tensor.shape() == reference.shape());
  const std::vector<double> a = tensor.to_vector(), b = reference.to_vector();
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) return INFINITY;
    difference = std::max(difference, std::abs(a[i] - b[i]));
  }
  return difference == 0 ? 0 : difference / largest(reference);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::equal(a.raw(), a.raw() + a.bytes(), b.raw());
}

// Calls check(row) for every row; an exception is a failure of that row alone.
void for_each_row(const std::function<void(const OpCase&)>& check) {
  for (const OpCase& row : op_cases()) {
    CAPTURE(row.name);
    try {
      check(row);
    } catch (const std::exception& error) {
      FAIL_CHECK(row.name << " threw: " << error.what());
    }
  }
}

// Where results in lower precision come from; each is compared with float64 on the CPU.
struct LowerPrecision {
  Backend backend;
  DType dtype;
  double Tolerance::*tolerance;
};
constexpr LowerPrecision kLowerPrecisions[] = {
    {Backend::reference, DType::f32, &Tolerance::f32},
    {Backend::automatic, DType::f32, &Tolerance::f32},
    {Backend::automatic, DType::bf16, &Tolerance::bf16},
};

}  // namespace

TEST_CASE("names are unique and every op has a row") {
  std::set<std::string> names, ops;
  for (const OpCase& row : op_cases()) {
    CHECK_MESSAGE(names.insert(row.name).second, row.name);
    ops.insert(row.op);
  }
  for (const std::string& op : callable_ops()) CHECK_MESSAGE(ops.contains(op), op);
}

TEST_CASE("float64 gives the golden outputs and gradients") {
  GoldenFile golden("op_cases.safetensors");
  for_each_row([&](const OpCase& row) {
    for (const auto& [name, tensor] : run(row, DType::f64))
      CHECK(golden.difference(row.name + "/" + name, tensor, 1e-10, 1) == "");
  });
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
    const std::int64_t samples = elements > 4000 ? 6 : 256;  // a few where one costs much
    for (const double error : gradient_errors(forward, leaves, {row.step, samples}))
      CHECK(error <= 1e-6);
  });
}

// What a ReLU inside an op acts on is not drawn, so its distance from the kink is looked at.
TEST_CASE("central differences keep 100 steps away from the kink of a fused ReLU") {
  for_each_row([](const OpCase& row) {
    if (row.step == 0 || !row.attrs.value("relu", false)) return;
    nlohmann::json without_relu = row.attrs;
    without_relu["relu"] = false;
    const Tensors inputs = make_inputs(row.name, row.inputs, DType::f64);
    for (const double element : call_op(row.op, inputs, without_relu, DType::f64).to_vector())
      CHECK(std::abs(element) >= 100 * row.step);
  });
}

TEST_CASE("lower precisions stay near float64") {
  for (const LowerPrecision& lower : kLowerPrecisions) {
    set_backend(lower.backend);
    for_each_row([&](const OpCase& row) {
      CAPTURE(static_cast<int>(lower.backend));
      CAPTURE(format(lower.dtype));
      const Tensors inputs = make_inputs(row.name, row.inputs, lower.dtype);
      const Results results = run(row, inputs, lower.dtype);
      const Results reference = run(row, widened(inputs), DType::f64);
      for (std::size_t i = 0; i < results.size(); ++i) {
        CAPTURE(results[i].first);
        CHECK(relative_difference(results[i].second, reference[i].second) <=
              row.tolerance.*lower.tolerance);
      }
    });
  }
  set_backend(Backend::automatic);
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

TEST_CASE("a gradient is the same whoever else wants one") {
  for_each_row([](const OpCase& row) {
    const Tensors inputs = make_inputs(row.name, row.inputs, DType::f64);
    const Results all = run(row, inputs, DType::f64);
    std::size_t differentiable = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (row.inputs[i].differentiable) differentiable |= std::size_t{1} << i;
    // Every proper subset: the next smaller number whose bits are all differentiable.
    for (std::size_t chosen = differentiable; chosen > 0;) {
      chosen = (chosen - 1) & differentiable;
      CAPTURE(chosen);
      const Results some =
          run(row, inputs, DType::f64, [&](std::size_t i) { return (chosen >> i & 1) == 1; });
      for (const auto& [name, tensor] : some)
        for (const auto& [full_name, full_tensor] : all)
          if (name == full_name) CHECK_MESSAGE(same_bits(tensor, full_tensor), name);
    }
  });
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
