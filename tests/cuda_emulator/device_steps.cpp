// One of several processes with an emulated device each: part of device_processes_test.cpp.
//
//   device_steps PART [OUT]
//
// `steps` trains a narrow network for some steps, and writes the weights and gradients of the first
// process; `cpu_steps` the same on the CPU. The other parts are faults.
#include <functional>
#include <iostream>
#include <map>

#include "nn/init.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "nn/sync_batch_norm.h"
#include "ops/ops.h"
#include "optim/sgd.h"
#include "tests/cuda_emulator/journal.h"
#include "tests/cuda_emulator/settings.h"
#include "train/process_check.h"
#include "train/training_step.h"

using namespace osteon;

namespace {

constexpr std::int64_t kBatch = 4, kSide = 32, kSteps = 5;

Device own_device() { return Device::cuda(world().local_rank()); }

// The images of one process in a step; all processes together have the same ones for any number of
// them.
TrainingBatch batch_of(std::int64_t step, std::int64_t whole) {
  const Tensor images({whole, kSide, kSide, 3}, DType::f32);
  uniform_(images, 1, {.seed = 3, .stream = static_cast<std::uint64_t>(step)});
  std::vector<double> targets;
  for (std::int64_t i = 0; i < whole; ++i) targets.push_back(static_cast<double>(i % 3 == 0));
  const Rows rows = rows_of_shard(whole, world().rank(), world().size());
  const auto here = [&](const Tensor& x) { return x.rows(rows.begin, rows.end).clone(); };
  return {.inputs = {here(images), here(from_vector(targets, {whole}))},
          .samples = std::vector<std::int64_t>(static_cast<std::size_t>(rows.end - rows.begin)),
          .begin = rows.begin,
          .whole = whole};
}

struct Training {
  Training(const Device& device, bool is_synchronised, bool is_recorded = true)
      : model(make_model("resnet18", {.num_classes = 1,
                                      .width = 4,
                                      .seed = static_cast<std::uint64_t>(5 + world().rank())})) {
    model->to(device);
    share_weights(*model);  // those of the first process count
    if (is_synchronised) synchronise_batch_norm(*model);
    model->train();
    optimizer = std::make_unique<SGD>(
        std::vector<ParameterGroup>{{.parameters = model->named_parameters(), .lr = 0.01}},
        SGDOptions{.momentum = 0.9});
    step = std::make_unique<TrainingStep>(
        *model, *optimizer,
        [this](const Tensors& inputs) {
          return binary_cross_entropy_with_logits(reshape((*model)(inputs[0]), {-1}), inputs[1]);
        },
        TrainingStep::Options{.batch_size = whole(),
                              .record = is_recorded,
                              .clip_norm = 1,
                              .shards = {world().size(), world().rank(), 1},
                              .sum_order = SumOrder::any});
  }
  static std::int64_t whole() { return kBatch * world().size(); }

  std::unique_ptr<Module> model;
  std::unique_ptr<SGD> optimizer;
  std::unique_ptr<TrainingStep> step;
};

// A recorded step is one launch beside the copies of its inputs and results, and the host waits
// only for the memory of an upload two steps ago.
void check_calls(const std::vector<std::string>& calls) {
  const auto count = [&](const std::string& beginning) {
    return std::ranges::count_if(
        calls, [&](const std::string& call) { return call.starts_with(beginning); });
  };
  OSTEON_CHECK(count("cudaGraphLaunch") == 1 && count("launch") == 0 && count("nccl") == 0 &&
                   count("a group") == 0,
               "a recorded step has ", count("cudaGraphLaunch"), " graphs, ", count("launch"),
               " kernels and ", count("nccl"), " sums");
  OSTEON_CHECK(count("cudaStreamSynchronize") == 0 && count("cudaEventSynchronize") == 1 &&
                   count("cudaMemcpyAsync to host pageable") == 0,
               "a recorded step waits");
}

void train(const Device& device, const char* out, bool is_synchronised, bool is_recorded = true) {
  const Training training(device, is_synchronised, is_recorded);
  training.step->prepare(batch_of(0, Training::whole()), kBatch - 1);
  std::vector<double> losses;
  const auto take = [&](bool wait) {
    while (const auto result = training.step->take_result(wait))
      losses.push_back(result->losses[0]);
  };
  for (std::int64_t i = 0; i < kSteps; ++i) {
    const cuda_emulator::Journal journal;
    // A smaller batch in between is not recorded.
    training.step->issue({batch_of(i, Training::whole() - (i == 3 ? 1 : 0))});
    if (device.is_cuda() && is_recorded && i == kSteps - 1) check_calls(journal.calls());
    take(false);
  }
  take(true);
  NamedTensors state;
  for (const auto& [name, tensor] : training.model->named_state())
    state.tensors.emplace_back(name, tensor.to(Device::cpu()).clone());
  for (const auto& [name, parameter] : training.model->named_parameters())
    state.tensors.emplace_back(name + ".grad", parameter.grad().to(Device::cpu()).clone());
  state.tensors.emplace_back(
      "losses", from_vector(losses, {static_cast<std::int64_t>(losses.size())}, DType::f64));
  std::string bytes;
  for (const auto& [name, tensor] : state.tensors)
    bytes.append(reinterpret_cast<const char*>(tensor.raw()), tensor.bytes());
  for (const std::string& other : world().all_gather(bytes))
    OSTEON_CHECK(other == bytes, "the processes have different weights or gradients");
  if (world().is_first()) write_safetensors(out, state);
}

const std::map<std::string, std::function<void(const char*)>> kParts = {
    {"steps", [](const char* out) { train(own_device(), out, false); }},
    {"steps_by_call", [](const char* out) { train(own_device(), out, false, false); }},
    {"cpu_steps", [](const char* out) { train(Device::cpu(), out, false); }},
    {"synchronised", [](const char* out) { train(own_device(), out, true); }},
    {"cpu_synchronised", [](const char* out) { train(Device::cpu(), out, true); }},
    // Another count than the other process's.
    {"mismatch",
     [](const char*) {
       const Tensor x = zeros({100 + world().rank()}, DType::f32, own_device());
       world().all_reduce(x, SumOrder::any);
       x.to_vector();
     }},
    {"failure",
     [](const char*) {
       const Training training(own_device(), false);
       for (std::int64_t i = 0; i < 6; ++i) {
         if (i == 3 && world().rank() == 1) cuda_emulator::fail_sums(0);
         training.step->issue({batch_of(i, Training::whole())});
         training.step->take_result(false);
       }
     }},
    {"same_device",
     [](const char*) { world().all_reduce(zeros({1}, DType::f32, Device::cuda())); }},
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto part = kParts.find(argc > 1 ? argv[1] : "");
    OSTEON_CHECK(part != kParts.end(), "device_steps: see the first lines of device_steps.cpp");
    part->second(argc > 2 ? argv[2] : "");
  } catch (const std::exception& error) {
    world().abort(error.what(), 1);
  }
}
