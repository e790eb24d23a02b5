// Recorded work on a CUDA device: inference that is replayed gives the bits of inference issued
// call by call; work that cannot be recorded is issued call by call. Without a device the tests
// print a message and check nothing. Also built for an emulated device (cuda_emulator/).
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "eval/inference.h"
#include "eval/inference_step.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/models.h"
#include "ops/ops.h"
#include "optim/sgd.h"
#include "tests/cuda/cuda_device.h"
#include "tests/support/families.h"
#include "train/training_step.h"

using namespace osteon;

namespace {

constexpr std::int64_t kBatch = 4, kSize = 32, kWidth = 8;

Tensor random_images(std::int64_t rows, std::uint64_t number) {
  const Tensor images({rows, kSize, kSize, 3}, DType::f32);
  uniform_(images, 1, {.seed = 7, .stream = number});
  return images;
}

void append(std::vector<double>& all, const Tensor& x) {
  for (const double element : x.to_vector()) all.push_back(element);
}

// The outputs for five full batches and one of three images.
std::vector<double> inferred(Module& model, DType dtype, bool record) {
  InferenceStep step(
      model.device(),
      [&](const Tensors& inputs) { return outputs_of(model, cast(inputs[0], dtype)); },
      {.batch_size = kBatch, .record = record});
  std::vector<double> all;
  const auto take = [&](bool wait) {
    while (const auto outputs = step.take_outputs(wait)) append(all, *outputs);
  };
  for (std::uint64_t i = 0; i < 6; ++i) {
    step.issue({random_images(i < 5 ? kBatch : 3, i)});
    take(false);
  }
  take(true);
  return all;
}

// The identity, computed by way of the CPU. A step with it cannot be recorded, because it waits for
// the device.
struct ByWayOfTheCpu : Module {
  Tensor forward(const Tensor& x) override {
    const NoGrad no_grad;
    return x + x.to(Device::cpu()).to(x.device()) * 0.0;
  }
};

// A small model with two batch norms, and between them, if `waits`, a layer that cannot be
// recorded.
struct SmallModel : Module {
  Linear linear{4, 8}, head{8, 1};
  BatchNorm2d before{8}, after{8};
  ByWayOfTheCpu middle;
  const bool waits;
  explicit SmallModel(bool waits_) : waits(waits_) {
    register_module("linear", linear);
    register_module("before", before);
    register_module("middle", middle);
    register_module("after", after);
    register_module("head", head);
    initialise_parameters(*this, 1);
  }
  Tensor forward(const Tensor& x) override {
    const Tensor hidden = before(linear(x));
    return head(after.relu(hidden + (waits ? middle(hidden.detach()) * 0.0 : hidden * 0.0)));
  }
};

struct Trained {
  std::vector<double> losses, state;
  bool operator==(const Trained&) const = default;
};

Trained trained(const Device& device, bool waits, bool record) {
  SmallModel model(waits);
  model.to(device);
  SGD optimizer({{.parameters = model.named_parameters(), .lr = 0.1}});
  TrainingStep step(model, optimizer,
                    [&](const Tensors& inputs) {
                      return binary_cross_entropy_with_logits(reshape(model(inputs[0]), {-1}),
                                                              inputs[1]);
                    },
                    {.batch_size = kBatch, .record = record});
  Trained result;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const Tensor x({kBatch, 4}, DType::f32);
    uniform_(x, 1, {.seed = 3, .stream = i});
    step.issue({{{x, from_vector({0, 1, 1, 0}, {kBatch})}, std::vector<std::int64_t>(kBatch)}});
    result.losses.push_back(step.take_result(true)->losses[0]);
  }
  for (const auto& [name, tensor] : model.named_state()) append(result.state, tensor);
  return result;
}

}  // namespace

TEST_CASE("recorded inference gives the bits of inference issued call by call") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  for (const std::string& arch : models_under_test())
    for (const DType dtype : {DType::f32, DType::bf16}) {
      CAPTURE(arch);
      CAPTURE(format(dtype));
      const auto model = make_model(arch, {.width = kWidth, .seed = 1});
      model->eval();
      const std::vector<double> on_cpu = inferred(*model, dtype, true);
      REQUIRE(on_cpu.size() == 5 * kBatch + 3);
      model->to(device);
      const std::vector<double> recorded = inferred(*model, dtype, true);
      CHECK(recorded == inferred(*model, dtype, false));
      REQUIRE(recorded.size() == on_cpu.size());
      double difference = 0, largest = 0;
      for (std::size_t i = 0; i < on_cpu.size(); ++i) {
        difference = std::max(difference, std::abs(recorded[i] - on_cpu[i]));
        largest = std::max(largest, std::abs(on_cpu[i]));
      }
      CHECK(difference <= (dtype == DType::f32 ? 1e-5 : 0.05) * largest);
    }
}

TEST_CASE("a larger batch than announced is refused") {
  InferenceStep step(Device::cpu(), [](const Tensors& inputs) { return inputs[0]; },
                     {.batch_size = 2});
  CHECK_THROWS_AS(step.issue({zeros({3, 1})}), Error);
}

TEST_CASE("a step that cannot be recorded is issued call by call, and counts each batch once") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const Trained by_call = trained(device, /*waits=*/true, /*record=*/false);
  const Trained fallen_back = trained(device, true, true);
  CHECK(fallen_back.losses == by_call.losses);
  CHECK(fallen_back.state == by_call.state);  // also the counters of batches
  CHECK(trained(device, false, true) == trained(device, false, false));
}

TEST_CASE("inference that cannot be recorded is issued call by call") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  SmallModel model(/*waits=*/true);
  model.to(device);
  model.eval();
  std::vector<std::vector<double>> outputs;
  for (const bool record : {false, true}) {
    InferenceStep step(device, [&](const Tensors& inputs) { return model(inputs[0]); },
                       {.batch_size = kBatch, .record = record});
    outputs.emplace_back();
    for (int i = 0; i < 6; ++i) {
      step.issue({full({kBatch, 4}, i)});
      append(outputs.back(), step.take_outputs(true).value());
    }
  }
  CHECK(outputs[0].size() == 6 * kBatch);
  CHECK(outputs[0] == outputs[1]);
}
