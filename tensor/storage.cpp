// The CPU allocator. Large blocks are cut from reserved regions, because every training step
// allocates the same tensors, and each fresh page from the system costs a page fault and clearing.
#include "tensor/storage.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>

#include "base/round_up.h"
#include "tensor/cuda/allocator.h"
#include "tensor/free_pages.h"

namespace osteon {
namespace {

constexpr std::size_t kAlignment = 64;  // one cache line, one AVX-512 register
// Smaller blocks use malloc. Under the address sanitizer all blocks use malloc, because it detects
// an access past the end only for these.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OSTEON_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define OSTEON_ADDRESS_SANITIZER
#endif
#if defined(OSTEON_ADDRESS_SANITIZER)
constexpr std::size_t kReuseBytes = std::numeric_limits<std::size_t>::max();
#else
constexpr std::size_t kReuseBytes = 64 * 1024;
#endif
constexpr std::size_t kPage = 4096;
// Minimum size of a region from the system. It costs only address space until it is used.
constexpr std::size_t kRegionBytes = 256 * 1024 * 1024;
constexpr std::size_t kHugePage = 2 * 1024 * 1024;

// Address space from the system, with large pages if available: a tensor of 50 MB then needs 25 TLB
// entries and 25 page faults instead of 12,500. Null if the system has no address space left.
std::byte* map_region(std::size_t bytes) {
  void* const region =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region == MAP_FAILED) return nullptr;
  ::madvise(region, bytes, MADV_HUGEPAGE);
  return static_cast<std::byte*>(region);
}

class CpuAllocator {
 public:
  void* allocate(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t size = rounded(bytes);
    void* const block =
        size < kReuseBytes ? std::aligned_alloc(kAlignment, size) : allocate_pages(size);
    OSTEON_CHECK(block != nullptr, "cpu: out of memory: asked for ", bytes, " bytes with ",
                 statistics_.current_bytes, " in use; use a smaller batch or image size");
    statistics_.current_bytes += size;
    statistics_.peak_bytes = std::max(statistics_.peak_bytes, statistics_.current_bytes);
    return block;
  }

  void deallocate(void* block, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t size = rounded(bytes);
    statistics_.current_bytes -= size;
    if (size < kReuseBytes)
      std::free(block);
    else
      free_.give(static_cast<std::byte*>(block), size);
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
    return rounded_up(std::max<std::size_t>(bytes, 1), bytes < kReuseBytes ? kAlignment : kPage);
  }

  void* allocate_pages(std::size_t size) {
    if (std::byte* const block = free_.take(size)) return block;
    const std::size_t region = rounded_up(std::max(size, kRegionBytes), kHugePage);
    std::byte* fresh = map_region(region);
    if (fresh == nullptr) {
      free_.take_all([&](std::byte* block, std::size_t bytes) {
        ::munmap(block, bytes);
        statistics_.reserved_bytes -= bytes;
      });
      fresh = map_region(region);
    }
    if (fresh == nullptr) return nullptr;
    statistics_.reserved_bytes += region;
    free_.give(fresh, region);
    return free_.take(size);
  }

  std::mutex mutex_;
  FreePages free_;
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
  return device.is_cuda() ? cuda::memory_statistics(device) : cpu_allocator().statistics();
}

void reset_peak_memory(const Device& device) {
  device.is_cuda() ? cuda::reset_peak_memory(device) : cpu_allocator().reset_peak();
}

Storage::Storage(std::size_t bytes, Device device) : bytes_(bytes), device_(device) {
  if (device.is_cuda()) {
    const std::shared_ptr<void> block = cuda::allocate(bytes, device);
    data_ = block.get();
    owner_ = block;
  } else {
    data_ = cpu_allocator().allocate(bytes);
  }
}

Storage::~Storage() {
  if (!owner_) cpu_allocator().deallocate(data_, bytes_);
}

}  // namespace osteon
