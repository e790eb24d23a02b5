// The use of a CUDA device by inference, read from the emulator's journal: the host and the device
// work in parallel, and a recorded batch is one call. Only on the emulated device.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "eval/inference.h"
#include "eval/inference_step.h"
#include "nn/init.h"
#include "nn/models.h"
#include "tests/cuda_emulator/journal.h"

using namespace osteon;
using cuda_emulator::Journal;

namespace {

constexpr std::int64_t kBatch = 4, kSize = 32;

struct Inference {
  explicit Inference(bool record) : model(make_model("resnet18", {.width = 8, .seed = 1})) {
    model->to(Device::cuda());
    model->eval();
    ModelInfo info;
    info.image_size = kSize;
    info.mean = {0, 0, 0};
    info.std = {1, 1, 1};
    step = std::make_unique<InferenceStep>(
        Device::cuda(),
        [this, info](const Tensors& inputs) {
          return outputs_of(*model, model_input(inputs[0], inputs[1], info, DType::bf16));
        },
        InferenceStep::Options{.batch_size = kBatch, .record = record});
  }
  void issue(std::int64_t rows = kBatch) const {
    step->issue({zeros({rows, kSize, kSize, 1}, DType::u8), zeros({rows, 2, 3})});
    step->take_outputs(false);
  }

  std::unique_ptr<Module> model;
  std::unique_ptr<InferenceStep> step;
};

bool starts(const std::string& call, const std::string& beginning) {
  return call.starts_with(beginning);
}

auto count(const std::vector<std::string>& calls, const std::string& beginning) {
  return std::ranges::count_if(calls, [&](const auto& call) { return starts(call, beginning); });
}

// Nothing that makes the host wait for the work that it has just issued.
void check_overlap(const std::vector<std::string>& calls) {
  for (const std::string call :
       {"cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaMalloc", "cudaFree",
        "cudaMemcpyAsync from host pageable", "cudaMemcpyAsync to host pageable"})
    CHECK_MESSAGE(count(calls, call) == 0, call);
  CHECK(count(calls, "cudaMemcpyAsync from host pinned") == 2);  // images and matrices
  CHECK(count(calls, "cudaMemcpyAsync to host pinned") == 1);    // outputs
}

}  // namespace

TEST_CASE("a batch's outputs are copied before the next batch is issued, and nothing waits") {
  const Inference inference(/*record=*/false);
  for (int i = 0; i < 3; ++i) inference.issue();
  const Journal journal;
  inference.step->issue({zeros({kBatch, kSize, kSize, 1}, DType::u8), zeros({kBatch, 2, 3})});
  const std::vector<std::string>& calls = journal.calls();
  check_overlap(calls);
  CHECK(count(calls, "launch") > 20);
  const auto copy = std::ranges::find_if(
      calls, [](const auto& call) { return starts(call, "cudaMemcpyAsync to host"); });
  // After the last launch of the batch, and so before the first one of the next.
  CHECK(std::none_of(copy, calls.end(), [](const auto& call) { return starts(call, "launch"); }));
  // The host waits for the copy from the buffer that it fills, issued two batches earlier.
  CHECK(count(calls, "cudaEventSynchronize") == 1);
  inference.step->take_outputs(false);  // of the batch before
  CHECK(count(calls, "cudaEventSynchronize") == 2);
}

TEST_CASE("a recorded batch is one call beside its copies, also a smaller one") {
  const Inference inference(/*record=*/true);
  for (int i = 0; i < 3; ++i) inference.issue();
  for (const std::int64_t rows : {kBatch, kBatch - 1, std::int64_t{1}}) {
    CAPTURE(rows);
    const Journal journal;
    inference.issue(rows);
    check_overlap(journal.calls());
    CHECK(count(journal.calls(), "cudaGraphLaunch") == 1);
    CHECK(count(journal.calls(), "launch") == 0);
    // Those with the host, and from there to the recorded addresses.
    CHECK(count(journal.calls(), "cudaMemcpyAsync") == 5);
  }
}

TEST_CASE("the memory of inference is returned at its end, although the model keeps its weights") {
  const auto reserved = [] { return memory_statistics(Device::cuda()).reserved_bytes; };
  Inference inference(/*record=*/true);
  const std::size_t before = reserved();
  for (int i = 0; i < 4; ++i) inference.issue();
  CHECK(reserved() > before);
  while (inference.step->take_outputs(true)) continue;
  inference.step.reset();
  CHECK(reserved() == before);  // there was room for the folded weights
}
