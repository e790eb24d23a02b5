// The CPU allocator: large blocks are kept and handed out again, because a training step asks for
// the same sizes each time and fresh pages from the system cost a page fault each.
#include "tensor/storage.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

namespace osteon {
namespace {

constexpr std::size_t kAlignment = 64;          // a cache line, an AVX-512 register
constexpr std::size_t kReuseBytes = 64 * 1024;  // smaller blocks are malloc's business

class CpuAllocator {
 public:
  void* allocate(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t size = rounded(bytes);
    void* block = take_free(size);
    if (block == nullptr) block = std::aligned_alloc(kAlignment, size);
    if (block == nullptr) {
      release_free(0);
      block = std::aligned_alloc(kAlignment, size);
    }
    OSTEON_CHECK(block != nullptr, "cpu: out of memory: asked for ", bytes, " bytes with ",
                 statistics_.current_bytes, " in use; use a smaller batch or image size");
    statistics_.current_bytes += size;
    statistics_.peak_bytes = std::max(statistics_.peak_bytes, statistics_.current_bytes);
    high_water_ = std::max(high_water_, statistics_.current_bytes);
    return block;
  }

  void deallocate(void* block, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t size = rounded(bytes);
    statistics_.current_bytes -= size;
    if (size < kReuseBytes) return std::free(block);
    free_.emplace(size, block);
    free_bytes_ += size;
    // What is free and what is in use together stay below what was in use at the worst moment.
    const std::size_t allowed = high_water_ - statistics_.current_bytes;
    if (free_bytes_ > allowed) release_free(allowed);
  }

  MemoryStatistics statistics() {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    statistics_.peak_bytes = statistics_.current_bytes;
  }

 private:
  static std::size_t rounded(std::size_t bytes) {
    const std::size_t unit = bytes < kReuseBytes ? kAlignment : 4096;
    return (std::max<std::size_t>(bytes, 1) + unit - 1) / unit * unit;
  }

  void* take_free(std::size_t size) {
    const auto found = free_.find(size);
    if (found == free_.end()) return nullptr;
    void* block = found->second;
    free_bytes_ -= size;
    free_.erase(found);
    return block;
  }

  void release_free(std::size_t allowed) {
    while (free_bytes_ > allowed) {
      const auto smallest = free_.begin();
      free_bytes_ -= smallest->first;
      std::free(smallest->second);
      free_.erase(smallest);
    }
  }

  std::mutex mutex_;
  std::multimap<std::size_t, void*> free_;
  std::size_t free_bytes_ = 0;
  std::size_t high_water_ = 0;
  MemoryStatistics statistics_;
};

// Never destroyed: a tensor with static lifetime may outlive any object of this file.
CpuAllocator& cpu_allocator() {
  alignas(CpuAllocator) static std::byte place[sizeof(CpuAllocator)];
  static auto* const allocator = new (place) CpuAllocator;
  return *allocator;
}

}  // namespace

MemoryStatistics memory_statistics(const Device& device) {
  require_built_in(device);
  return cpu_allocator().statistics();
}

void reset_peak_memory(const Device& device) {
  require_built_in(device);
  cpu_allocator().reset_peak();
}

Storage::Storage(std::size_t bytes, Device device) : bytes_(bytes), device_(device) {
  require_built_in(device);
  data_ = cpu_allocator().allocate(bytes);
}

Storage::~Storage() {
  if (!owner_) cpu_allocator().deallocate(data_, bytes_);
}

}  // namespace osteon
