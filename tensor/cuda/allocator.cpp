// Allocator: regions of the device's memory are split into blocks.
#include "tensor/cuda/allocator.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "base/round_up.h"
#include "tensor/cuda/context.h"
#include "tensor/free_pages.h"

namespace osteon::cuda {
namespace {

constexpr std::size_t kAlignment = 256;  // guaranteed by cudaMalloc, required by vector loads
constexpr std::size_t kPage = 2 * 1024 * 1024;
constexpr std::size_t kSmall = 1024 * 1024;  // smaller blocks have their own regions
constexpr std::size_t kSmallRegion = 8 * 1024 * 1024;

// The arenas of a device, and the bytes in use by tensors and reserved from the device in all of
// them.
struct Account {
  std::mutex mutex;
  MemoryStatistics statistics;
  std::set<Arena*> arenas;
};

Account& account_of(const Device& device) {
  static std::array<Account, kMaxDevices> accounts;
  OSTEON_CHECK(device.index >= 0 && device.index < kMaxDevices, "device ", device,
               " is not a CUDA device");
  return accounts[static_cast<std::size_t>(device.index)];
}

[[noreturn]] void throw_out_of_memory(std::size_t bytes, const Device& device, std::size_t in_use) {
  std::size_t free = 0, total = 0;
  static_cast<void>(cudaMemGetInfo(&free, &total));
  throw Error(format(device, ": out of memory: asked for ", bytes, " bytes with ", in_use,
                     " in use by tensors and ", free, " of ", total,
                     " free; use a smaller batch or image size, or --precision bf16"));
}

}  // namespace

class Arena : public std::enable_shared_from_this<Arena> {
 public:
  explicit Arena(const Device& device) : device_(device), account_(account_of(device)) {
    const std::lock_guard lock(account_.mutex);
    account_.arenas.insert(this);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    const std::lock_guard lock(account_.mutex);
    account_.arenas.erase(this);
    return_regions();
  }

  std::shared_ptr<void> allocate(std::size_t bytes) {
    const std::size_t size = rounded_up(std::max<std::size_t>(bytes, 1), kAlignment);
    const std::lock_guard lock(account_.mutex);
    std::byte* const block = take(size);
    if (block == nullptr) throw_out_of_memory(bytes, device_, account_.statistics.current_bytes);
    MemoryStatistics& statistics = account_.statistics;
    statistics.current_bytes += size;
    statistics.peak_bytes = std::max(statistics.peak_bytes, statistics.current_bytes);
    return {block, [arena = shared_from_this(), size](void* end) {
              arena->give(static_cast<std::byte*>(end), size);
            }};
  }

  const Device& device() const { return device_; }

  void keep_regions() { keeps_regions_ = true; }

 private:
  void give(std::byte* block, std::size_t size) {
    const std::lock_guard lock(account_.mutex);
    account_.statistics.current_bytes -= size;
    pages_for(size).give(block, size);
  }

  // Small blocks have their own regions, so that they do not fragment the regions of large blocks.
  FreePages& pages_for(std::size_t size) { return size < kSmall ? small_ : large_; }

  std::byte* take(std::size_t size) {
    FreePages& pages = pages_for(size);
    if (std::byte* const block = pages.take(size)) return block;
    const std::size_t region = size < kSmall ? kSmallRegion : rounded_up(size, kPage);
    std::byte* fresh = ask_device(region);
    if (fresh == nullptr) {
      for (Arena* const arena : account_.arenas)
        if (!arena->keeps_regions_) arena->return_regions();
      fresh = ask_device(region);
    }
    if (fresh == nullptr) return nullptr;
    regions_[fresh] = {region, &pages};
    pages.give(fresh, region);
    return pages.take(size);
  }

  std::byte* ask_device(std::size_t bytes) {
    void* memory = nullptr;
    context(device_);  // selects it
    // Not cudaMallocAsync: while a step is recorded, that would become a part of its graph. The gap
    // keeps regions from touching; a block across two of them could not be copied.
    const cudaError_t status = cudaMalloc(&memory, bytes + kAlignment);
    if (status == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      return nullptr;
    }
    check("allocate", "cudaMalloc", status);
    account_.statistics.reserved_bytes += bytes;
    return static_cast<std::byte*>(memory);
  }

  // Returns unused regions to the device. Runs in a destructor, so failures are ignored.
  void return_regions() {
    for (auto region = regions_.begin(); region != regions_.end();) {
      const auto [size, pages] = region->second;
      if (!pages->take_whole(region->first, size)) {
        ++region;
        continue;
      }
      static_cast<void>(cudaFree(region->first));  // waits for the device
      account_.statistics.reserved_bytes -= size;
      region = regions_.erase(region);
    }
  }

  struct Region {
    std::size_t size;
    FreePages* pages;
  };

  const Device device_;
  Account& account_;
  bool keeps_regions_ = false;
  FreePages small_, large_;
  std::map<std::byte*, Region> regions_;
};

namespace {

std::shared_ptr<Arena>& scoped_arena() {
  thread_local std::shared_ptr<Arena> arena;
  return arena;
}

bool is_separate() {
  const char* const chosen = std::getenv("OSTEON_CUDA_ALLOCATOR");
  if (chosen == nullptr) return false;
  OSTEON_CHECK(std::string(chosen) == "separate", "OSTEON_CUDA_ALLOCATOR=", chosen,
               ": expected separate, or no such variable");
  return true;
}

// For compute-sanitizer: exactly so many bytes, from the driver and back to it.
std::shared_ptr<void> allocate_separately(std::size_t bytes, const Device& device) {
  Account& account = account_of(device);
  const std::lock_guard lock(account.mutex);
  void* memory = nullptr;
  context(device);  // selects it
  OSTEON_CUDA_CHECK("allocate", cudaMalloc, &memory, std::max<std::size_t>(bytes, 1));
  MemoryStatistics& statistics = account.statistics;
  statistics.current_bytes += bytes;
  statistics.reserved_bytes += bytes;
  statistics.peak_bytes = std::max(statistics.peak_bytes, statistics.current_bytes);
  return {memory, [&account, bytes](void* end) {
            const std::lock_guard inner(account.mutex);
            static_cast<void>(cudaFree(end));  // waits for the device
            account.statistics.current_bytes -= bytes;
            account.statistics.reserved_bytes -= bytes;
          }};
}

std::shared_ptr<Arena> arena_in_use(const Device& device) {
  const std::shared_ptr<Arena>& scoped = scoped_arena();
  return scoped && scoped->device() == device ? scoped : default_arena(device);
}

}  // namespace

std::shared_ptr<Arena> make_arena(const Device& device) { return std::make_shared<Arena>(device); }

// Never destroyed, like contexts.
std::shared_ptr<Arena> default_arena(const Device& device) {
  using Arenas = std::map<int, std::shared_ptr<Arena>>;
  static auto* const arenas = std::make_unique<Arenas>().release();
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  auto& arena = (*arenas)[device.index];
  if (!arena) arena = make_arena(device);
  return arena;
}

ArenaScope::ArenaScope(std::shared_ptr<Arena> arena) : before_(scoped_arena()) {
  if (arena) scoped_arena() = std::move(arena);
}

ArenaScope::~ArenaScope() { scoped_arena() = std::move(before_); }

std::shared_ptr<void> allocate(std::size_t bytes, const Device& device) {
  static const bool separately = is_separate();
  return separately ? allocate_separately(bytes, device) : arena_in_use(device)->allocate(bytes);
}

void keep_regions(const Device& device) { arena_in_use(device)->keep_regions(); }

std::shared_ptr<void> allocate_pinned(std::size_t bytes, const Device& device) {
  context(device);
  void* memory = nullptr;
  const cudaError_t status = cudaMallocHost(&memory, std::max<std::size_t>(bytes, 1));
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    throw Error(format(device, ": out of page-locked host memory: asked for ", bytes,
                       " bytes; use a smaller batch, or raise the limit of locked memory"));
  }
  check("allocate pinned memory", "cudaMallocHost", status);
  return {memory, [](void* end) { static_cast<void>(cudaFreeHost(end)); }};
}

MemoryStatistics memory_statistics(const Device& device) {
  Account& account = account_of(device);
  const std::lock_guard lock(account.mutex);
  return account.statistics;
}

void reset_peak_memory(const Device& device) {
  Account& account = account_of(device);
  const std::lock_guard lock(account.mutex);
  account.statistics.peak_bytes = account.statistics.current_bytes;
}

}  // namespace osteon::cuda
