// OSTEON_CUDA_ALLOCATOR=separate, for compute-sanitizer: each tensor is an allocation of its own.
// Only on the emulated device.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "ops/ops.h"
#include "tests/cuda_emulator/journal.h"

using namespace osteon;

namespace {

// Before the first allocation, which reads it.
[[maybe_unused]] const int chosen = ::setenv("OSTEON_CUDA_ALLOCATOR", "separate", 1);

auto count(const cuda_emulator::Journal& journal, const std::string& call) {
  return std::ranges::count(journal.calls(), call);
}

}  // namespace

TEST_CASE("each tensor is an allocation of its own bytes, and goes back to the device at once") {
  const Device device = Device::cuda();
  const auto bytes = [&] { return memory_statistics(device).reserved_bytes; };
  const std::size_t before = bytes();
  {
    const cuda_emulator::Journal journal;
    const Tensor x = full({3}, 1, DType::f32, device), y = full({5}, 2, DType::f64, device);
    CHECK(count(journal, "cudaMalloc 12") == 1);
    CHECK(count(journal, "cudaMalloc 40") == 1);
    CHECK(bytes() == before + 52);
    CHECK((x + x).to_vector() == std::vector<double>(3, 2));
    CHECK(bytes() == before + 52);
  }
  CHECK(bytes() == before);
  CHECK(memory_statistics(device).peak_bytes >= 64);
}
