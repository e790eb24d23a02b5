// A step that was prepared: its plans are compiled and its memory is allocated before it, nothing
// is computed, and it gives the same bits. Only on the emulated device.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ops/backend.h"
#include "ops/ops.h"
#include "tests/cuda_emulator/executed_specs.h"
#include "tests/cuda_emulator/journal.h"
#include "tests/cuda_emulator/small_training.h"
#include "tests/support/tiny_run.h"
#include "train/trainer.h"

using namespace osteon;
using cuda_emulator::Journal;
using cuda_emulator::SmallTraining;

namespace {

// Of four full steps and one with two images.
std::vector<double> losses_of(const SmallTraining& training, std::int64_t batch) {
  std::vector<double> all;
  for (std::uint64_t i = 0; i < 5; ++i) {
    training.step->issue({SmallTraining::batch(i, i < 4 ? batch : 2)});
    all.push_back(training.step->take_result(true)->losses[0]);
  }
  return all;
}

auto count(const std::vector<std::string>& calls, const std::string& beginning) {
  return std::ranges::count_if(calls,
                               [&](const auto& call) { return call.starts_with(beginning); });
}

}  // namespace

TEST_CASE("a prepared step compiles nothing, allocates nothing, and gives the same bits") {
  for (const std::int64_t batch : {5, 6}) {
    CAPTURE(batch);
    const SmallTraining prepared(batch), other(batch);
    const std::vector<double> before = prepared.state();
    std::int64_t compiled = cuda_emulator::compiled_graphs();
    {
      const Journal journal;
      prepared.step->prepare(SmallTraining::batch(0, batch), 2);
      CHECK(count(journal.calls(), "launch") == 0);
      CHECK(count(journal.calls(), "cudaMalloc") > 0);
    }
    CHECK(cuda_emulator::compiled_graphs() > compiled + 50);
    CHECK(prepared.state() == before);

    compiled = cuda_emulator::compiled_graphs();
    std::vector<double> first;
    {
      const Journal journal;
      first = losses_of(prepared, batch);
      CHECK(count(journal.calls(), "cudaMalloc ") == 0);
    }
    CHECK(cuda_emulator::compiled_graphs() == compiled);
    CHECK(first == losses_of(other, batch));
    CHECK(prepared.state() == other.state());
  }
}

TEST_CASE("a graph without a plan is taken apart in the rehearsal, too") {
  const Tensor x = full({3, 6, 6, 8}, 0.5, DType::f32, Device::cuda());
  const Tensor weight = full({8, 1, 1, 8}, 0.25, DType::f32, Device::cuda());
  const auto work = [&] { return conv2d_add_activation(x, weight, {}, x, Activation::relu); };
  const NoGrad no_grad;
  rehearse(Device::cuda(), [&] { work(); });
  const std::int64_t compiled = cuda_emulator::compiled_graphs();
  CHECK(work().to_vector() == std::vector<double>(3 * 6 * 6 * 8, 1.5));
  CHECK(cuda_emulator::compiled_graphs() == compiled);
}

TEST_CASE("the memory of the steps is allocated before images are kept on the device") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.precision = "bf16";
  options.epochs = 1;
  const Journal journal;
  Trainer trainer(options, Device::cuda());
  const auto is_whole_images = [&](const std::string& call) {  // u8 of 32 x 32 px each
    return call.starts_with("cudaMemcpyAsync from host pageable ") &&
           std::stoull(call.substr(35)) % (32 * 32) == 0 && std::stoull(call.substr(35)) > 8 * 1024;
  };
  const std::vector<std::string>& calls = journal.calls();
  const auto last_malloc = std::ranges::find_if(calls.rbegin(), calls.rend(), [](const auto& call) {
    return call.starts_with("cudaMalloc ");
  });
  REQUIRE(last_malloc != calls.rend());
  CHECK(std::any_of(calls.rbegin(), last_malloc, is_whole_images));
  const std::size_t reserved = memory_statistics(Device::cuda()).reserved_bytes;
  trainer.train();
  CHECK(memory_statistics(Device::cuda()).reserved_bytes == reserved);
}
