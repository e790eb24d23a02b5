// Memory of CUDA devices. Like the CPU's, large regions are kept and cut, for a training step asks
// for the same tensors each time; since all computation is issued on one stream, a block that was
// given back may be handed out again at once, without waiting for the device.
#pragma once

#include <cstddef>
#include <memory>

#include "tensor/storage.h"

namespace osteon::cuda {

// A place that allocations come from. There is one for each device; a captured graph (graph.h) has
// one of its own, because what it wrote to while it was captured it writes to in every replay.
class Arena;
std::shared_ptr<Arena> make_arena(const Device& device);

// While one lives, what this thread allocates on the arena's device comes from it; with no arena,
// everything comes from where it would otherwise.
class ArenaScope {
 public:
  explicit ArenaScope(std::shared_ptr<Arena> arena);
  ~ArenaScope();
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  std::shared_ptr<Arena> before_;
};

// A block of at least one byte, aligned to 256; it goes back where it came from when the last copy
// of the pointer ends. Throws Error with the bytes asked, in use and free, and the way out, when
// the memory is not to be had.
std::shared_ptr<void> allocate(std::size_t bytes, const Device& device);

// Page-locked memory of the host, which copies to a device can be issued from without waiting.
std::shared_ptr<void> allocate_pinned(std::size_t bytes, const Device& device);

MemoryStatistics memory_statistics(const Device& device);
void reset_peak_memory(const Device& device);

}  // namespace osteon::cuda
