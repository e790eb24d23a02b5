// The optimizers on a CUDA device compared with the CPU; a step with gradients that are not finite
// changes nothing there either. Without a device the tests print a message and check nothing. The
// same file is also built for an emulated device (cuda_emulator/).
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ops/kernels.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/cuda/cuda_device.h"
#include "tests/support/hashed.h"

using namespace osteon;

namespace {

// Sizes near a block's share and near a vector, then small ones.
Shape shape_of(std::size_t i) {
  const Shape first[] = {{3, 5}, {7}, {4096}, {3, 4097}, {1}, {0}};
  return i < std::size(first) ? first[i] : Shape{static_cast<std::int64_t>(i % 9 + 1)};
}

Tensor draw(const std::string& name, const Shape& shape, DType dtype) {
  const HashedSequence draws(name);
  std::vector<double> numbers(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = 2 * draws.uniform(i) - 1;
  return from_vector(numbers, shape, dtype);
}

struct Parameters {
  std::vector<std::pair<std::string, Tensor>> named;

  Parameters(DType dtype, const Device& device, std::size_t count = 6) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = format("p", i);
      named.emplace_back(name, draw("parameter/" + name, shape_of(i), dtype).to(device));
      named.back().second.set_requires_grad(true);
    }
  }
  void set_gradients(int step) const {
    for (const auto& [name, tensor] : named) {
      tensor.zero_grad();
      tensor.accumulate_grad(
          draw(format("gradient/", name, ":", step), tensor.shape(), tensor.dtype())
              .to(tensor.device()));
    }
  }
  Tensors tensors() const {
    Tensors all;
    for (const auto& [name, tensor] : named) all.push_back(tensor);
    return all;
  }
};

struct Case {
  std::string name;
  std::function<std::unique_ptr<Optimizer>(std::vector<ParameterGroup>)> make;
};

template <class Kind, class Options>
Case make_case(const char* name, const Options& options) {
  return {name, [options](std::vector<ParameterGroup> groups) {
            return std::make_unique<Kind>(std::move(groups), options);
          }};
}

const Case kCases[] = {
    make_case<Adam>("adam", AdamOptions{}),
    make_case<Adam>("adamw", AdamOptions{.beta2 = 0.95, .epsilon = 1e-3, .decoupled = true}),
    make_case<SGD>("sgd", SGDOptions{}),
    make_case<SGD>("nesterov", SGDOptions{.momentum = 0.8, .nesterov = true}),
};

std::vector<double> elements_of(const Tensors& tensors) {
  std::vector<double> all;
  for (const Tensor& tensor : tensors)
    for (const double element : tensor.to_vector()) all.push_back(element);
  return all;
}

std::vector<double> state_of(const Optimizer& optimizer) {
  Tensors tensors;
  for (const auto& [name, tensor] : optimizer.state_dict().tensors.tensors)
    tensors.push_back(tensor);
  return elements_of(tensors);
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = std::max(difference, std::abs(a[i] - b[i]));
  return difference;
}

}  // namespace

TEST_CASE("updates and norms agree with the CPU's") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  struct Precision {
    DType dtype;
    double tolerance;
  };
  for (const auto& precision : {Precision{DType::f64, 1e-13}, {DType::f32, 1e-6}})
    for (const Case& c : kCases) {
      CAPTURE(std::string(c.name));
      CAPTURE(format(precision.dtype));
      const Parameters here(precision.dtype, Device::cpu()), there(precision.dtype, device);
      const auto on_cpu = c.make({{here.named, 0.01, 0.1}});
      const auto on_device = c.make({{there.named, 0.01, 0.1}});
      for (int step = 0; step < 3; ++step) {
        here.set_gradients(step);
        there.set_gradients(step);
        // The gradients are scaled in the first two steps and unchanged in the last.
        const double most = step < 2 ? 0.5 : 1e9;
        const Tensor norm_here = clip_grad_norm_(here.tensors(), most);
        const Tensor norm_there = clip_grad_norm_(there.tensors(), most);
        CHECK(norm_there.item() == doctest::Approx(norm_here.item()).epsilon(1e-7));
        on_cpu->step(norm_here);
        on_device->step(norm_there);
      }
      CHECK(largest_difference(elements_of(here.tensors()), elements_of(there.tensors())) <=
            precision.tolerance);
      CHECK(largest_difference(state_of(*on_cpu), state_of(*on_device)) <= precision.tolerance);
    }
}

TEST_CASE("more parameters than one launch takes are all updated") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const Parameters here(DType::f32, Device::cpu(), 520), there(DType::f32, device, 520);
  for (const Parameters* parameters : {&here, &there}) {
    const auto optimizer = kCases[0].make({{parameters->named, 0.01, 0.1}});
    parameters->set_gradients(0);
    clip_grad_norm_(parameters->tensors(), 0.5);
    optimizer->step();
  }
  CHECK(largest_difference(elements_of(here.tensors()), elements_of(there.tensors())) <= 1e-6);
}

TEST_CASE("gradients that are not finite leave everything as it is") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  for (const double bad : {NAN, INFINITY})
    for (const Case& c : kCases) {
      CAPTURE(std::string(c.name));
      const Parameters parameters(DType::f32, device);
      const auto optimizer = c.make({{parameters.named, 0.01, 0.1}});
      parameters.set_gradients(0);
      fill_(parameters.named[3].second.grad().rows(2, 3), bad);
      const std::vector<double> before = elements_of(parameters.tensors());
      const std::vector<double> state = state_of(*optimizer);
      const Tensor norm = clip_grad_norm_(parameters.tensors(), 1);
      CHECK(!std::isfinite(norm.item()));
      optimizer->step(norm);
      CHECK(elements_of(parameters.tensors()) == before);
      CHECK(state_of(*optimizer) == state);
    }
}

TEST_CASE("tensors are restored if the guard is not finite") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  for (const bool restores : {false, true}) {
    Tensors kept, tensors;
    for (const DType dtype : {DType::f32, DType::i64, DType::bf16, DType::u8}) {
      kept.push_back(full({2, 5001}, 3, dtype, device));
      tensors.push_back(full({2, 5001}, 5, dtype, device));
    }
    const Tensor guard = full({1}, restores ? NAN : 1.0, DType::f64, device);
    restore_unless_finite_(guard, tensors, kept);
    for (const double element : elements_of(tensors)) REQUIRE(element == (restores ? 3 : 5));
  }
}

TEST_CASE("averages of weights agree with the CPU's") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Parameters here(dtype, Device::cpu(), 520), there(dtype, device, 520);
    for (const Parameters* parameters : {&here, &there}) {
      const Device& place = parameters->named[0].second.device();
      Tensors values;
      for (const auto& [name, tensor] : parameters->named)
        values.push_back(draw("value/" + name, tensor.shape(), dtype).to(place));
      OSTEON_DISPATCH(values[0], average_step(parameters->tensors(), values, 0.75));
    }
    CHECK(largest_difference(elements_of(here.tensors()), elements_of(there.tensors())) <= 1e-6);
  }
}
