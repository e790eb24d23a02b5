// A journal of the product's calls of the emulated runtime, for tests of their order, addresses and
// number.
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
  std::int64_t launches = 0;  // kernels, library calls, and graph replays (one each)
  std::int64_t copies = 0;
};
Counts counts();

// During its lifetime calls are recorded: "launch 0x5581 grid 12x1x1 block 256x1x1 arguments ...".
// The contents of a replayed graph are not recorded, because the product does not issue them again.
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

// For the emulator: adds a line to the open journal, if any. journal_is_open() avoids composing
// unneeded lines.
bool journal_is_open();
void write_down(const std::string& call);

// The line of a kernel: its address, launch shape and arguments. For arguments that are structures,
// only the pointers into the device's memory.
std::string describe_launch(const void* kernel, dim3 grid, dim3 block,
                            std::initializer_list<std::span<const std::byte>> arguments);

}  // namespace cuda_emulator
