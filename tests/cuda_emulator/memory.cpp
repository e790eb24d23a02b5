// Every allocation has its own pages. It ends at the end of its last page, to within its alignment
// of 256 bytes; the rest of the pages is filled with a pattern that is checked.
#include "tests/cuda_emulator/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <sstream>

#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/journal.h"

namespace cuda_emulator {
namespace {

constexpr std::size_t kPage = 4096, kAlignment = 256;
constexpr std::size_t kMargin = 256;  // checked bytes on either side
constexpr int kPattern = 0xFF;        // a NaN in every floating-point type
constexpr std::size_t kFewAllocations = 64, kFewPages = 1024;

struct Allocation {
  std::byte* pages;  // the first accessible page
  std::size_t page_bytes, bytes;
};

// Keyed by the address of the first byte.
std::map<std::byte*, Allocation>& allocations() {
  static std::map<std::byte*, Allocation> all;
  return all;
}

int accesses = 0;
std::size_t pages = 0;  // of all allocations
bool in_reach = true;   // whether all allocations are accessible, or none

bool are_few() { return allocations().size() <= kFewAllocations && pages <= kFewPages; }

void protect(const Allocation& allocation, int protection) {
  ::mprotect(allocation.pages, allocation.page_bytes, protection);
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

void* allocate_device(std::size_t bytes) {
  const std::size_t rounded =
      (std::max<std::size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  const std::size_t page_bytes = (rounded + kPage - 1) / kPage * kPage;
  void* const region = ::mmap(nullptr, page_bytes + 2 * kPage, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region == MAP_FAILED) return nullptr;
  const Allocation allocation{static_cast<std::byte*>(region) + kPage, page_bytes, bytes};
  if (!is_dry()) {
    protect(allocation, PROT_READ | PROT_WRITE);
    std::memset(allocation.pages, kPattern, page_bytes);
    if (!in_reach) protect(allocation, PROT_NONE);
  }
  pages += page_bytes / kPage;
  std::byte* const first = allocation.pages + page_bytes - rounded;
  allocations()[first] = allocation;
  return first;
}

bool free_device(void* memory) {
  const auto found = allocations().find(static_cast<std::byte*>(memory));
  if (found == allocations().end()) return false;
  ::munmap(found->second.pages - kPage, found->second.page_bytes + 2 * kPage);
  pages -= found->second.page_bytes / kPage;
  allocations().erase(found);
  return true;
}

MemoryUse memory_in_use() {
  MemoryUse use{allocations().size(), 0};
  for (const auto& [first, allocation] : allocations()) use.bytes += allocation.bytes;
  return use;
}

Where where_is(const void* address, std::size_t bytes) {
  const auto* const begin = static_cast<const std::byte*>(address);
  const auto found = before(address);
  if (found == allocations().end()) return Where::host;
  const auto& [first, allocation] = *found;
  if (begin >= allocation.pages + allocation.page_bytes) return Where::host;
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

Access::Access() {
  if (accesses++ > 0 || in_reach) return;
  for (const auto& [first, allocation] : allocations()) protect(allocation, PROT_READ | PROT_WRITE);
  in_reach = true;
}

Access::~Access() {
  if (--accesses > 0 || !are_few()) return;
  for (const auto& [first, allocation] : allocations()) protect(allocation, PROT_NONE);
  in_reach = false;
}

void Access::check_margins() const {
  if (!are_few()) return;
  for (auto& [first, allocation] : allocations()) {
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
