// The emulated device's memory. It is in reach while an Access lives, else every touch of it is a
// segmentation fault, as a pointer of the device would be on the host. Where there is much of it,
// as in training, that would cost more than the work itself, and it stays in reach.
#pragma once

#include <cstddef>
#include <string>

namespace cuda_emulator {

// At least one byte at an address that 256 divides, full of NaNs, with a page that nobody may touch
// on either side; nullptr if there is no memory.
void* allocate_device(std::size_t bytes);
// False if `memory` was not allocated here.
bool free_device(void* memory);

struct MemoryUse {
  std::size_t allocations, bytes;
};
MemoryUse memory_in_use();

// Whether [address, address + bytes) lies in the device's memory: not, in one allocation, in part.
enum class Where { host, device, beyond };
Where where_is(const void* address, std::size_t bytes);
// Where an address is for the reader of an error: "16 bytes past the end of an allocation of 64".
std::string describe_address(const void* address);

class Access {
 public:
  Access();
  ~Access();
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // Throws Fault if anything was written beside an allocation (of not too many).
  void check_margins() const;
};

}  // namespace cuda_emulator
