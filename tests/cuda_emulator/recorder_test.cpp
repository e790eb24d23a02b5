// The use of a CUDA device by a training step, read from the emulator's journal: the same calls on
// the same addresses in each step (required for recording); no waiting inside a step; no memory
// that is not in use; and the errors of failing calls. Only on the emulated device.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "nn/models.h"
#include "ops/ops.h"
#include "tensor/cuda/allocator.h"
#include "tensor/cuda/graph.h"
#include "tests/cuda_emulator/journal.h"
#include "tests/cuda_emulator/settings.h"
#include "tests/cuda_emulator/small_training.h"
#include "tests/support/message_of.h"
#include "train/training_step.h"

using namespace osteon;
using cuda_emulator::Journal;
using cuda_emulator::kBatch;
using cuda_emulator::kSize;
using cuda_emulator::SmallTraining;

namespace {

std::size_t tensor_bytes() { return memory_statistics(Device::cuda()).current_bytes; }

int count(const std::vector<std::string>& calls, const std::string& beginning) {
  return static_cast<int>(std::ranges::count_if(
      calls, [&](const std::string& call) { return call.starts_with(beginning); }));
}

// Without the calls on the upload's two buffers, which alternate.
std::vector<std::string> without_uploads(std::vector<std::string> calls) {
  std::erase_if(calls, [](const std::string& call) {
    return call.starts_with("cudaMemcpyAsync") || call.starts_with("cudaEvent") ||
           call.starts_with("cudaStreamWaitEvent");
  });
  return calls;
}

}  // namespace

TEST_CASE("the same step makes the same calls on the same addresses, and waits for nothing") {
  const SmallTraining training(/*recorded_batch=*/0);
  std::vector<std::vector<std::string>> journals;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const Journal journal;
    training.issue(i);
    journals.push_back(journal.calls());
    training.step->take_result(false);
  }
  // The upload's buffers alternate: every second step uses the same one.
  CHECK(count(journals[7], "launch") > 100);
  CHECK(without_uploads(journals[7]) == without_uploads(journals[5]));
  CHECK(without_uploads(journals[6]) == without_uploads(journals[4]));
  for (const std::string call : {"cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaMalloc",
                                 "cudaFree", "cudaMemcpyAsync to host pageable"})
    CHECK_MESSAGE(count(journals[7], call) == 0, call);
  // Images and targets to the device, the loss and the norm back, and no other copies with the
  // host.
  CHECK(count(journals[7], "cudaMemcpyAsync from host") == 2);
  CHECK(count(journals[7], "cudaMemcpyAsync to host") == 2);
  // The gradients of the last layer, whose parameters were rounded to bf16, are copied to their
  // buffers; all others are computed there.
  CHECK(count(journals[7], "cudaMemcpyAsync") == 6);
  // The host waits for one copy only, issued two steps earlier: the one from the buffer that it
  // fills next.
  CHECK(count(journals[7], "cudaEventSynchronize") == 1);
}

TEST_CASE("a recorded step is one call, beside the copies of its inputs and its numbers") {
  const SmallTraining training(kBatch);
  for (std::uint64_t i = 0; i < 4; ++i) {
    training.issue(i);
    training.step->take_result(false);
  }
  const Journal journal;
  training.issue(4);
  CHECK(count(journal.calls(), "cudaGraphLaunch") == 1);
  CHECK(count(journal.calls(), "launch") == 0);
  // Images and targets to the device, and from there to the recorded addresses; the loss and the
  // norm back.
  CHECK(count(journal.calls(), "cudaMemcpyAsync") == 6);
  CHECK(count(journal.calls(), "cudaMemcpyAsync to host pinned") == 2);
  CHECK(count(journal.calls(), "cudaMalloc") == 0);
}

TEST_CASE("a step frees all memory that it allocates") {
  const std::size_t before = tensor_bytes();
  {
    const SmallTraining training(kBatch);
    for (std::uint64_t i = 0; i < 4; ++i) training.issue(i % 2), training.step->take_result(false);
    const std::size_t reserved = memory_statistics(Device::cuda()).reserved_bytes;
    CHECK(reserved > 0);
    CHECK(tensor_bytes() > before);
  }
  CHECK(tensor_bytes() == before);
}

TEST_CASE("too little memory is an error with all the numbers, and leaks nothing") {
  const std::size_t before = tensor_bytes();
  cuda_emulator::set_device_bytes(64 << 20);
  const std::string message = message_of([] {
    const Tensor x({16 << 20}, DType::f32, Device::cuda());
    const Tensor y({16 << 20}, DType::f32, Device::cuda());
  });
  CAPTURE(message);
  for (const char* part : {"cuda:0: out of memory: asked for 67108864 bytes", " in use by tensors",
                           " free", "smaller batch", "bf16"})
    CHECK_MESSAGE(contains(message, part), part);
  CHECK(tensor_bytes() == before);
  const std::string in_a_step = message_of([] {
    const SmallTraining training(kBatch);
    for (std::uint64_t i = 0;; ++i) {
      const Tensor all({1 << 30}, DType::u8, Device::cuda());
      training.issue(i);
    }
  });
  CHECK(contains(in_a_step, "out of memory"));
  CHECK(tensor_bytes() == before);
  cuda_emulator::set_device_bytes({});
}

// Between replays, what a recorded graph writes to is free memory of its arena.
TEST_CASE("an allocation that fails leaves a recorded graph's memory alone") {
  const std::size_t before = tensor_bytes();
  {
    const cuda::ArenaScope scope(cuda::make_arena(Device::cuda()));
    const Tensor x = full({1 << 20}, 1).to(Device::cuda());
    Tensor sum;
    const auto body = [&] { sum = (x + 1.0) + 1.0; };
    body();  // allocates what the graph needs
    sum = Tensor();
    const auto graph = cuda::Graph::record(Device::cuda(), body);
    cuda_emulator::set_device_bytes(memory_statistics(Device::cuda()).reserved_bytes);
    CHECK(contains(message_of([] { const Tensor large({8 << 20}, DType::f32, Device::cuda()); }),
                   "out of memory"));
    cuda_emulator::set_device_bytes({});
    graph->replay();
    CHECK(sum.to_vector() == std::vector<double>(1 << 20, 3));
  }
  CHECK(tensor_bytes() == before);
}

// A region that is asked for while a graph is recorded would become a part of the graph.
TEST_CASE("recording work that needs fresh memory is an error, and the arena serves on") {
  const cuda::ArenaScope scope(cuda::make_arena(Device::cuda()));
  const Tensor x = full({1 << 20}, 1).to(Device::cuda());
  Tensor sum;
  const auto body = [&] { sum = x + 1.0; };
  const std::string message =
      message_of([&] { cuda::Graph::record(Device::cuda(), body)->replay(); });
  CHECK(contains(message, "cudaErrorStreamCaptureUnsupported"));
  for (int i = 0; i < 2; ++i) {
    body();
    CHECK(sum.to_vector() == std::vector<double>(1 << 20, 2));
  }
}

TEST_CASE("each batch of an accumulated step computes on its own images") {
  const auto identity = make_model("resnet18", {.width = 8, .seed = 1});
  identity->to(Device::cuda());
  Adam optimizer({{.parameters = identity->named_parameters()}});
  TrainingStep step(
      *identity, optimizer,
      [&](const Tensors& inputs) {
        const Tensor logits = (*identity)(inputs[0]);
        return mean(inputs[1]) + mean(logits) * 0.0;
      },
      TrainingStep::Options{.batch_size = kBatch});
  for (const int batches : {1, 2, 3, 4}) {
    std::vector<TrainingBatch> all;
    std::vector<double> expected;
    for (int i = 1; i <= batches; ++i) {
      expected.push_back(i);
      all.push_back({{zeros({kBatch, kSize, kSize, 3}), full({kBatch}, i)},
                     std::vector<std::int64_t>(kBatch)});
    }
    CAPTURE(batches);
    step.issue(all);
    CHECK(step.take_result(true)->losses == expected);
  }
}

TEST_CASE("the error for an unusable device names the reason") {
  CHECK(contains(message_of([] { device_from_name("cuda:7"); }),
                 "device cuda:7: there is only cuda:0"));
  CHECK(device_from_name("auto") == Device::cuda());
  cuda_emulator::set_driver_version(12040);
  // cuda:0 is already open; another device is opened now.
  CHECK(contains(message_of([] { device_from_name("cuda:1"); }),
                 "device cuda:1: the driver is for CUDA 12.4, this build needs 13.0; update"));
  cuda_emulator::set_driver_version(0);
  CHECK(contains(message_of([] { device_from_name("cuda:1"); }),
                 "no CUDA driver or no GPU was found"));
  cuda_emulator::set_driver_version(CUDART_VERSION);
}
