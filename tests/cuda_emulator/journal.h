// What the product asked of the emulated runtime, for tests of how it asks: in which order, on
// which addresses, and what never. And two ways for a test to change the device.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace cuda_emulator {

// Since the program began.
struct Counts {
  std::int64_t launches = 0;  // kernels, calls of libraries, replays of graphs as one
  std::int64_t copies = 0;
};
Counts counts();

// While one lives, calls are written down: "launch 0x5581 grid 12x1x1 block 256x1x1 arguments ...".
// What a graph does as it is replayed is not, as the product is not asked then.
class Journal {
 public:
  Journal();
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  const std::vector<std::string>& calls() const { return calls_; }

 private:
  friend void write_down(const std::string& call);
  std::vector<std::string> calls_;
};

// For the emulator: adds a line to the journal, if one lives. journal_is_open() saves composing it.
bool journal_is_open();
void write_down(const std::string& call);

// A kernel's line: where it is, its shape, its arguments; of those that are structures, what points
// into the device's memory.
std::string describe_launch(const void* kernel, dim3 grid, dim3 block,
                            std::initializer_list<std::span<const std::byte>> arguments);

// From now on nothing is computed or copied (copies to the host give zeros), and memory is only
// numbers: for counting at sizes that no CPU could compute. For the whole process, before its first
// call.
void set_dry(bool dry);
bool is_dry();

// Pretends that the device has so many bytes, that its driver is of such a version (what an
// insufficient one reports), and that it is of such a compute capability; the kernels are for 7.5
// and later.
void set_device_bytes(std::size_t bytes);
void set_capability(int major, int minor);
void set_driver_version(int version);

}  // namespace cuda_emulator
