// Sums by NCCL in a process that works alone: they change nothing, call by call and in a recorded
// step. Built for a real device and for the emulated one; cuda_emulator/device_processes_test.cpp
// has several processes.
#include <doctest/doctest.h>

#include "comm/device_sums.h"
#include "comm/nccl/nccl.h"
#include "nn/init.h"
#include "nn/models.h"
#include "ops/ops.h"
#include "optim/sgd.h"
#include "tests/cuda/cuda_device.h"
#include "tests/support/message_of.h"
#include "train/training_step.h"

using namespace osteon;

namespace {

// A group of one process that calls NCCL all the same.
class AloneWithNccl : public ProcessGroup {
 public:
  explicit AloneWithNccl(const Device& device)
      : ProcessGroup({.host = "here"}), sums_(DeviceSums::open(device, *this)) {}
  void broadcast(const Tensor&) override {}
  std::shared_future<void> start_all_reduce(const Tensor& x, SumOrder order) override {
    return sums_->start(x, order);
  }
  void check_device() override { sums_->check(); }
  std::vector<std::string> all_gather(const std::string& text) override { return {text}; }
  void mark(const char*, std::int64_t) override {}
  void set_hang_timeout(std::chrono::duration<double>) override {}
  [[noreturn]] void abort(const std::string& why, int) override { throw Error(why); }

 private:
  const std::unique_ptr<DeviceSums> sums_;
};

// The device, or the CPU with a message if it or NCCL is missing.
Device device_with_nccl() {
  const Device device = device_under_test();
  if (!device.is_cuda()) return device;
  const std::string missing = message_of([] { cuda::nccl(); });
  if (missing.empty()) return device;
  MESSAGE("skipped: ", missing);
  return Device::cpu();
}

// Losses, norms and all weights and statistics of some steps, the last ones recorded.
std::vector<double> trained(const Device& device, ProcessGroup* group, SumOrder order) {
  const auto model = make_model("resnet18", {.num_classes = 1, .width = 8, .seed = 1});
  model->to(device);
  model->train();
  SGD optimizer({{.parameters = model->named_parameters(), .lr = 0.01}}, {.momentum = 0.9});
  TrainingStep step(*model, optimizer,
                    [&](const Tensors& inputs) {
                      const Tensor logits = (*model)(cast(inputs[0], DType::bf16));
                      return binary_cross_entropy_with_logits(
                          cast(reshape(logits, {-1}), DType::f32), inputs[1]);
                    },
                    {.batch_size = 4, .clip_norm = 1, .sum_order = order, .group = group});
  std::vector<double> all;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const Tensor images({4, 32, 32, 3}, DType::f32);
    uniform_(images, 1, {.seed = 3, .stream = i});
    step.issue({{.inputs = {images, from_vector({0, 1, 0, 0}, {4})}, .samples = {0, 1, 2, 3}}});
    const TrainingResult result = *step.take_result(true);
    all.insert(all.end(), {result.losses[0], result.gradient_norm});
  }
  for (const auto& [name, tensor] : model->named_state()) {
    const std::vector<double> values = tensor.to_vector();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace

TEST_CASE("steps with sums by NCCL over one process are those without") {
  const Device device = device_with_nccl();
  if (!device.is_cuda()) return;
  AloneWithNccl group(device);
  const std::vector<double> expected = trained(device, nullptr, SumOrder::any);
  CHECK(expected == expected);  // no NaN
  for (const SumOrder order : {SumOrder::any, SumOrder::tree})
    CHECK(trained(device, &group, order) == expected);
}

TEST_CASE("sums of a device: dtypes") {
  const Device device = device_with_nccl();
  if (!device.is_cuda()) return;
  AloneWithNccl group(device);
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = from_vector({1, 2, 3}, {3}, dtype).to(device);
    group.all_reduce(x, SumOrder::any);
    CHECK(x.to_vector() == std::vector<double>{1, 2, 3});
  }
  CHECK(contains(message_of([&] { group.all_reduce(zeros({1}, DType::i64, device)); }),
                 "expected f32 or f64"));
}
