// Memory of CUDA devices. Like the CPU allocator it keeps large regions and splits them, because
// every training step allocates the same tensors. All computation is issued on one stream, so a
// freed block can be reused at once, without waiting for the device.
#pragma once

#include <cstddef>
#include <memory>

#include "tensor/storage.h"

namespace osteon::cuda {

// A pool of memory. Each device has one. A captured graph (graph.h) has its own, because every
// replay writes to the addresses of the capture.
class Arena;
std::shared_ptr<Arena> make_arena(const Device& device);
// The device's own arena, never destroyed: for memory that is needed longer than the graph in whose
// arena it would be allocated.
std::shared_ptr<Arena> default_arena(const Device& device);

// During its lifetime this thread's allocations on the arena's device come from the arena. A null
// arena changes nothing.
class ArenaScope {
 public:
  explicit ArenaScope(std::shared_ptr<Arena> arena);
  ~ArenaScope();
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  std::shared_ptr<Arena> before_;
};

// The arena that this thread allocates from returns none of its regions to the device before its
// end: a graph that was recorded with it writes to them at each replay.
void keep_regions(const Device& device);

// With OSTEON_CUDA_ALLOCATOR=separate in the environment each block is an allocation of its own, so
// that compute-sanitizer detects accesses beside a tensor: slow, and steps cannot be recorded.
//
// A block of at least one byte, aligned to 256. It returns to its arena when the last copy of the
// pointer is destroyed. Throws Error with the bytes requested, in use and free, and the way out, if
// there is not enough memory.
std::shared_ptr<void> allocate(std::size_t bytes, const Device& device);

// Page-locked host memory. Copies from it to a device can be issued without waiting.
std::shared_ptr<void> allocate_pinned(std::size_t bytes, const Device& device);

MemoryStatistics memory_statistics(const Device& device);
void reset_peak_memory(const Device& device);

}  // namespace osteon::cuda
