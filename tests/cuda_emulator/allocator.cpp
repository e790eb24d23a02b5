// An allocator with a separate allocation per tensor, so that the emulator detects an access
// outside a tensor; inside a region of tensor/cuda/allocator.cpp it could not. Used by the tests of
// kernels, but not by tests of the product's allocator.
#include "tensor/cuda/allocator.h"

#include "tensor/cuda/context.h"
#include "tests/cuda_emulator/memory.h"

namespace osteon::cuda {

class Arena {};
std::shared_ptr<Arena> make_arena(const Device&) { return std::make_shared<Arena>(); }
std::shared_ptr<Arena> default_arena(const Device& device) { return make_arena(device); }
ArenaScope::ArenaScope(std::shared_ptr<Arena> arena) : before_(std::move(arena)) {}
ArenaScope::~ArenaScope() = default;

std::shared_ptr<void> allocate(std::size_t bytes, const Device& device) {
  void* memory = nullptr;
  context(device);
  OSTEON_CUDA_CHECK("allocate", cudaMalloc, &memory, bytes);
  return {memory, [](void* end) { static_cast<void>(cudaFree(end)); }};
}

void keep_regions(const Device&) {}

std::shared_ptr<void> allocate_pinned(std::size_t bytes, const Device&) {
  void* memory = nullptr;
  OSTEON_CUDA_CHECK("allocate pinned memory", cudaMallocHost, &memory, bytes);
  return {memory, [](void* end) { static_cast<void>(cudaFreeHost(end)); }};
}

MemoryStatistics memory_statistics(const Device& device) {
  MemoryStatistics statistics;
  statistics.current_bytes = cuda_emulator::memory_in_use(device.index).bytes;
  return statistics;
}

void reset_peak_memory(const Device&) {}

}  // namespace osteon::cuda
