// Every allocation has its own pages. It ends at the end of its last page, to within its alignment
// of 256 bytes; the rest of the pages is filled with a pattern that is checked. Adjacent
// allocations share one range of pages, in which each begins where the one before it ended.
#include "tests/cuda_emulator/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <sstream>

#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/runtime.h"
#include "tests/cuda_emulator/settings.h"

namespace cuda_emulator {
namespace {

constexpr std::size_t kPage = 4096, kAlignment = 256;
constexpr std::size_t kMargin = 256;  // checked bytes on either side
constexpr int kPattern = 0xFF;        // a NaN in every floating-point type
constexpr std::size_t kFewAllocations = 64, kFewPages = 1024;

struct Allocation {
  std::byte* pages;  // the first accessible page; null if adjacent
  std::size_t page_bytes, bytes;
  int device;
};

// Keyed by the address of the first byte.
std::map<std::byte*, Allocation>& allocations() {
  static std::map<std::byte*, Allocation> all;
  return all;
}

// The range of adjacent allocations. Addresses are not used again.
constexpr std::size_t kAdjacentBytes = std::size_t{1} << 36;
bool adjacent = false;
std::byte* next_adjacent = nullptr;

constexpr int kNoDevice = -2;
int accesses = 0;
std::size_t pages = 0;       // of all allocations
int in_reach = kAllDevices;  // the device whose memory is accessible, all, or none

bool are_few() { return allocations().size() <= kFewAllocations && pages <= kFewPages; }

bool is_adjacent(const Allocation& allocation) { return allocation.pages == nullptr; }

// Makes the memory of this device accessible and that of the others not.
void bring_into_reach(int device) {
  if (in_reach == device) return;
  for (const auto& [first, allocation] : allocations()) {
    if (is_adjacent(allocation)) continue;
    const bool reached = device == kAllDevices || device == allocation.device;
    ::mprotect(allocation.pages, allocation.page_bytes,
               reached ? PROT_READ | PROT_WRITE : PROT_NONE);
  }
  in_reach = device;
}

bool is_clean(const std::byte* begin, const std::byte* end) {
  return std::all_of(begin, end, [](std::byte b) { return b == std::byte{kPattern}; });
}

// The last allocation that begins at or before the address.
auto before(const void* address) {
  auto found = allocations().upper_bound(static_cast<std::byte*>(const_cast<void*>(address)));
  return found == allocations().begin() ? allocations().end() : std::prev(found);
}

}  // namespace

void set_adjacent(bool wanted) { adjacent = wanted; }

void* allocate_adjacent(std::size_t bytes, int device) {
  if (next_adjacent == nullptr) {
    void* const range = ::mmap(nullptr, kAdjacentBytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) return nullptr;
    next_adjacent = static_cast<std::byte*>(range);
  }
  std::byte* const first = next_adjacent;
  next_adjacent += bytes;
  std::memset(first, kPattern, bytes);
  allocations()[first] = {nullptr, 0, bytes, device};
  return first;
}

void* allocate_device(std::size_t bytes, int device) {
  const std::size_t rounded =
      (std::max<std::size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  if (adjacent) return allocate_adjacent(rounded, device);
  const std::size_t page_bytes = (rounded + kPage - 1) / kPage * kPage;
  void* const region = ::mmap(nullptr, page_bytes + 2 * kPage, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region == MAP_FAILED) return nullptr;
  const Allocation allocation{static_cast<std::byte*>(region) + kPage, page_bytes, bytes, device};
  if (!is_dry()) {
    ::mprotect(allocation.pages, page_bytes, PROT_READ | PROT_WRITE);
    std::memset(allocation.pages, kPattern, page_bytes);
    if (in_reach != kAllDevices && in_reach != device)
      ::mprotect(allocation.pages, page_bytes, PROT_NONE);
  }
  pages += page_bytes / kPage;
  std::byte* const first = allocation.pages + page_bytes - rounded;
  allocations()[first] = allocation;
  return first;
}

bool free_device(void* memory) {
  const auto found = allocations().find(static_cast<std::byte*>(memory));
  if (found == allocations().end()) return false;
  if (const Allocation& allocation = found->second; !is_adjacent(allocation)) {
    ::munmap(allocation.pages - kPage, allocation.page_bytes + 2 * kPage);
    pages -= allocation.page_bytes / kPage;
  }
  allocations().erase(found);
  return true;
}

MemoryUse memory_in_use(int device) {
  MemoryUse use{0, 0};
  for (const auto& [first, allocation] : allocations()) {
    if (device != kAllDevices && allocation.device != device) continue;
    ++use.allocations;
    use.bytes += allocation.bytes;
  }
  return use;
}

Where where_is(const void* address, std::size_t bytes) {
  const auto* const begin = static_cast<const std::byte*>(address);
  const auto found = before(address);
  if (found == allocations().end()) return Where::host;
  const auto& [first, allocation] = *found;
  const std::byte* const end =
      is_adjacent(allocation) ? first + allocation.bytes : allocation.pages + allocation.page_bytes;
  if (begin >= end) return Where::host;
  return begin + bytes <= first + allocation.bytes ? Where::device : Where::beyond;
}

std::string describe_address(const void* address) {
  std::ostringstream text;
  text << "address " << address;
  const auto found = before(address);
  if (found == allocations().end()) return text.str();
  const auto& [first, allocation] = *found;
  const auto distance = static_cast<const std::byte*>(address) - first;
  const auto size = static_cast<std::ptrdiff_t>(allocation.bytes);
  if (distance < size)
    text << ", byte " << distance << " of an allocation of " << size;
  else
    text << ", " << distance - size << " bytes past the end of an allocation of " << size;
  return text.str();
}

Access::Access(int device) {
  if (accesses++ == 0) bring_into_reach(are_few() ? device : kAllDevices);
}

Access::~Access() {
  if (--accesses == 0 && are_few()) bring_into_reach(kNoDevice);
}

void Access::check_margins() const {
  if (!are_few()) return;
  for (auto& [first, allocation] : allocations()) {
    if (is_adjacent(allocation)) continue;
    const bool reached = in_reach == kAllDevices || in_reach == allocation.device;
    if (!reached) continue;  // and thus not written
    std::byte* const end = first + allocation.bytes;
    std::byte* const last = allocation.pages + allocation.page_bytes;
    std::byte* const margin = std::max(allocation.pages, first - kMargin);
    if (is_clean(margin, first) && is_clean(end, last)) continue;
    std::fill(margin, first, std::byte{kPattern});
    std::fill(end, last, std::byte{kPattern});
    std::ostringstream text;
    text << "a kernel wrote outside an allocation of " << allocation.bytes << " bytes";
    throw Fault(text.str());
  }
}

}  // namespace cuda_emulator
