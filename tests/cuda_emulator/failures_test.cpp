// Calls that fail as they may on a real device: no memory at any of the allocations of a training,
// a configuration of cuDNN that cannot run, regions without a gap between them. Only on the
// emulated device.
#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "ops/backend.h"
#include "ops/ops.h"
#include "tensor/cuda/allocator.h"
#include "tests/cuda_emulator/journal.h"
#include "tests/cuda_emulator/memory.h"
#include "tests/cuda_emulator/settings.h"
#include "tests/cuda_emulator/small_training.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

using namespace osteon;
using cuda_emulator::SmallTraining;

namespace {

// Steps by call, recorded ones and one with a partial batch. Returns the weights.
std::vector<double> trained() {
  const SmallTraining training(cuda_emulator::kBatch);
  for (std::uint64_t i = 0; i < 4; ++i) {
    training.issue(i);
    training.step->take_result(false);
  }
  training.step->issue({SmallTraining::batch(4, 2)});
  training.issue(5);
  while (training.step->take_result(true)) {
  }
  return training.state();
}

std::size_t tensor_bytes() { return memory_statistics(Device::cuda()).current_bytes; }

}  // namespace

TEST_CASE("no memory at any allocation of a training is an error or has no effect") {
  // Each training has its own arenas; only the default arena keeps regions from one to the next.
  const std::vector<double> expected = trained();
  const std::size_t before = tensor_bytes();
  cuda_emulator::fail_allocation({});
  trained();
  const int allocations = cuda_emulator::fail_allocation({});
  CHECK(allocations > 4);
  for (int which = 0; which < allocations; ++which) {
    CAPTURE(which);
    cuda_emulator::fail_allocation(which);
    std::vector<double> values;
    const std::string message = message_of([&] { values = trained(); });
    cuda_emulator::fail_allocation({});
    CAPTURE(message);
    if (message.empty())
      CHECK(values == expected);
    else
      CHECK(contains(message, "cuda:0: out of "));
    CHECK(tensor_bytes() == before);
  }
  CHECK(trained() == expected);
}

TEST_CASE("autotuning passes over a configuration that cannot run") {
  const TemporaryFolder folder;
  ::setenv("OSTEON_PLAN_CACHE", folder.path().c_str(), 1);
  set_autotune(true);
  const Device device = Device::cuda();
  const Tensor x = full({1, 4, 4, 8}, 0.5).to(device);
  struct Row {
    std::optional<int> failing;
    std::int64_t channels;  // a plan of its own
  };
  for (const Row& row : {Row{{}, 8}, Row{0, 16}, Row{1, 24}}) {
    CAPTURE(row.channels);
    cuda_emulator::fail_configuration(row.failing);
    CHECK(conv2d(x, full({row.channels, 3, 3, 8}, 0.25).to(device)).to_vector()[0] == 9);
  }
  cuda_emulator::fail_configuration({});
  set_autotune(false);
}

TEST_CASE("a tensor never lies across two allocations") {
  cuda_emulator::set_adjacent(true);
  const cuda::ArenaScope scope(cuda::make_arena(Device::cuda()));
  const auto on_device = [](std::int64_t count) { return full({count}, 7).to(Device::cuda()); };
  { const Tensor a = on_device(2 << 20), b = on_device(2 << 20); }  // two regions, free again
  const Tensor large = on_device(3 << 20);
  CHECK(large.to(Device::cpu()).rows(0, 1).to_vector() == std::vector<double>{7});
  cuda_emulator::set_adjacent(false);
}

TEST_CASE("memory that another arena does not use is given to the one that needs it") {
  const auto ours = cuda::make_arena(Device::cuda());
  const auto tensor = [] { return Tensor({8 << 20}, DType::f32, Device::cuda()); };
  tensor();  // its region stays in the default arena
  cuda_emulator::set_device_bytes(memory_statistics(Device::cuda()).reserved_bytes + (1 << 20));
  {
    const cuda::ArenaScope scope(ours);
    CHECK(message_of([&] { tensor(); }) == "");
  }
  cuda_emulator::set_device_bytes({});
}
