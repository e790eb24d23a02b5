// Every row of the op table on a CUDA device compared with float64 on the CPU, twice for
// reproducible bits; and tensors on two devices. Without a device the tests print a message and
// check nothing. The same file is also built for an emulated device (cuda_emulator/).
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>

#include "ops/ops.h"
#include "tests/cuda/cuda_device.h"
#include "tests/ops/op_runs.h"
#include "tests/ops/op_tolerance.h"
#include "tests/support/for_each_row.h"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

Tensors to_device(const Tensors& tensors, const Device& device) {
  Tensors moved;
  for (const Tensor& tensor : tensors)
    moved.push_back(tensor.defined() ? tensor.to(device) : Tensor());
  return moved;
}

// A precision under test. A float64 sum with cancellation is compared relative to terms of about 1.
struct Precision {
  DType dtype;
  double floor;
};
constexpr Precision kPrecisions[] = {{DType::f64, 1}, {DType::f32, 0}, {DType::bf16, 0}};

double limit(const OpCase& row, const Results& results, std::size_t i, DType dtype) {
  return dtype == DType::f64 ? 1e-10 : tolerance(row, results, i, dtype);
}

}  // namespace

TEST_CASE("every row stays near float64 on the CPU and gives the same bits again") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  for (const auto& [dtype, floor] : kPrecisions)
    for_each_row([&, dtype = dtype, floor = floor](const OpCase& row) {
      CAPTURE(format(dtype));
      const Tensors inputs = make_inputs(row.name, row.inputs, dtype);
      const Tensors moved = to_device(inputs, device);
      const Results results = run(row, moved, dtype), again = run(row, moved, dtype);
      const Results reference = run(row, widened(inputs), DType::f64);
      for (std::size_t i = 0; i < results.size(); ++i) {
        CAPTURE(results[i].first);
        CHECK(results[i].second.device() == device);
        CAPTURE(largest_difference(results[i].second, reference[i].second));
        CHECK(relative_difference(results[i].second, reference[i].second, floor) <=
              limit(row, reference, i, dtype));
        CHECK(same_bits(results[i].second, again[i].second));
      }
    });
}

// The same elements, shifted in memory by one element, so that no vectorised access is aligned.
TEST_CASE("tensors may begin at any element") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const auto shifted = [](const Tensor& x) {
    const Tensor memory({x.numel() + 1}, x.dtype(), x.device());
    const Tensor view = memory.rows(1, x.numel() + 1).view(x.shape());
    copy_(view, x);
    return view;
  };
  for (const auto& [dtype, floor] : kPrecisions)
    for_each_row([&, dtype = dtype, floor = floor](const OpCase& row) {
      CAPTURE(format(dtype));
      const Tensors inputs = to_device(make_inputs(row.name, row.inputs, dtype), device);
      Tensors moved;
      for (const Tensor& input : inputs)
        moved.push_back(input.defined() ? shifted(input) : Tensor());
      const Tensor expected = call_op(row.op, leaves_of(row, inputs, everyone), row.attrs, dtype);
      CHECK(relative_difference(call_op(row.op, moved, row.attrs, dtype), expected, floor) <=
            limit(row, {{"output", expected}}, 0, dtype));
    });
}

TEST_CASE("dropout draws the CPU's masks") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16})
    for_each_row([&](const OpCase& row) {
      if (row.op != "dropout") return;
      const Tensors inputs = make_inputs(row.name, row.inputs, dtype);
      const Results here = run(row, inputs, dtype),
                    there = run(row, to_device(inputs, device), dtype);
      for (std::size_t i = 0; i < here.size(); ++i)
        CHECK(same_bits(here[i].second, there[i].second));
    });
}

// The first row of each op, with each of its inputs alone on the other device.
TEST_CASE("tensors on two devices are refused with an error that names both") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  std::set<std::string> seen;
  for_each_row([&](const OpCase& row) {
    std::size_t inputs = 0;
    for (const Input& input : row.inputs) inputs += input.kind != Input::Kind::absent;
    if (inputs < 2 || !seen.insert(format(row.op, inputs)).second) return;
    for (std::size_t i = 0; i < row.inputs.size(); ++i) {
      Tensors mixed = make_inputs(row.name, row.inputs, DType::f32);
      if (!mixed[i].defined()) continue;
      mixed[i] = mixed[i].to(device);
      const std::string message =
          message_of([&] { call_op(row.op, mixed, row.attrs, DType::f32); });
      CAPTURE(i);
      CAPTURE(message);
      CHECK(contains(message, "cpu"));
      CHECK(contains(message, "cuda:0"));
    }
  });
}

TEST_CASE("targets out of range make a loss and its gradient NaN") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  struct Row {
    const char* op;
    Tensor targets;
  };
  for (const auto& [op, targets] :
       {Row{"cross_entropy", from_vector({0, 3}, {2}, DType::i64)},
        Row{"cross_entropy", from_vector({-1, 0}, {2}, DType::i64)},
        Row{"binary_cross_entropy_with_logits", from_vector({0, 1, 0, 1.5, 0, 1}, {2, 3})},
        Row{"binary_cross_entropy_with_logits", from_vector({0, 1, 0, -0.5, 0, 1}, {2, 3})}}) {
    Tensor logits = zeros({2, 3}).to(device);
    logits.set_requires_grad(true);
    const Tensor loss =
        call_op(op, {logits, targets.to(device)}, nlohmann::json::object(), DType::f32);
    backward(loss);
    CHECK(std::isnan(loss.item()));
    bool any = false;
    for (const double element : logits.grad().to_vector()) any = any || std::isnan(element);
    CHECK(any);
  }
}

// Conversions between all dtypes, with numbers that need rounding or are out of range.
TEST_CASE("copy_, fill_ and add_ agree with the CPU bit for bit") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const std::vector<double> numbers = {
      0,         -0.0, 1,          -1,         0.5,    2.5,
      255,       256,  300.7,      -3.9,       1e-40,  3.14159265358979,
      65537,     1e10, -1e10,      1e300,      -1e300, INFINITY,
      -INFINITY, NAN,  1.00390625, 1.01171875, 9.2e18, -9.3e18};
  const auto count = static_cast<std::int64_t>(numbers.size());
  constexpr DType kAll[] = {DType::f64, DType::f32, DType::bf16, DType::i64, DType::u8};
  // Once whole, and once as rows that begin at any element and end within a vector.
  for (const std::int64_t begin : {0, 1, 3})
    for (const DType from : kAll)
      for (const DType to : kAll) {
        CAPTURE(format(begin, " ", from, " ", to));
        const Tensor source = from_vector(numbers, {count}, from).rows(begin, count);
        const Tensor here(source.shape(), to), there(source.shape(), to, device);
        copy_(here, source);
        copy_(there, from_vector(numbers, {count}, from).to(device).rows(begin, count));
        CHECK(relative_difference(there.rows(0, 1), here.rows(0, 1)) == 0);
        const std::vector<double> a = here.to_vector(), b = there.to_vector();
        for (std::size_t i = 0; i < a.size(); ++i)
          CHECK((a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))));
      }
  for (const DType dtype : kAll)
    for (const double value : {0.0, 1.0, 2.7, 300.0}) {
      const Tensor here({17}, dtype), there({17}, dtype, device);
      fill_(here, value);
      fill_(there, value);
      CHECK(same_bits(here, there));
      if (!is_floating(dtype)) continue;
      add_(here, here);
      add_(there, there);
      CHECK(same_bits(here, there));
    }
}
