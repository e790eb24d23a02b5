// The memory of the emulated devices. That of a device is accessible only during the lifetime of an
// Access to it; any other access is a segmentation fault, like a host access to a device pointer.
// If there are many allocations, as in training, switching would cost more than the work itself, so
// all memory stays accessible.
#pragma once

#include <cstddef>
#include <string>

namespace cuda_emulator {

// At least one byte, aligned to 256 and full of NaNs, with an inaccessible page on either side
// unless allocations are adjacent (settings.h); nullptr if there is no memory.
void* allocate_device(std::size_t bytes, int device);
// False if `memory` was not allocated here.
bool free_device(void* memory);

struct MemoryUse {
  std::size_t allocations, bytes;
};
MemoryUse memory_in_use(int device);

// Whether [address, address + bytes) is in a device's memory: not at all, in one allocation, or
// partly.
enum class Where { host, device, beyond };
Where where_is(const void* address, std::size_t bytes);
// A description of an address for error messages: "16 bytes past the end of an allocation of 64".
std::string describe_address(const void* address);

constexpr int kAllDevices = -1;

class Access {
 public:
  explicit Access(int device);
  ~Access();
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // Throws Fault if memory next to an allocation was overwritten. Checks only if there are few
  // allocations.
  void check_margins() const;
};

}  // namespace cuda_emulator
