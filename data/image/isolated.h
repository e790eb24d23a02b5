// Runs work that may crash or corrupt its process in a separate process: the way to call a library
// that is not safe on damaged input.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace osteon {

// Memory shared by this process and its children, initially zero. A page takes memory only when it
// is used. Throws Error if the system has none left.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t size);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// The limits of a process; it is killed at the first that it exceeds.
struct IsolationLimits {
  unsigned cpu_seconds = 60;
  unsigned seconds = 120;                    // wall time of the wait
  std::size_t bytes = std::size_t{4} << 30;  // of address space beyond this process's
};

// Runs `work` in a copy of this process (fork) and waits for its end. Returns an empty text if
// `work` returned, otherwise the reason: "an exception", "signal 6, Aborted", "more than 60 s".
// This process keeps its memory, files and output, whatever `work` does: the copy has no open
// files, can open none, prints nothing, writes no core dump and ends with this process. Return
// results through SharedMemory and check them like data from a file.
//
// Safe to call from several threads. `work` sees the memory of all threads but runs alone, so it
// must neither wait for another thread nor use OpenMP. Throws Error if no process can be started.
std::string run_isolated(const IsolationLimits& limits, const std::function<void()>& work);

}  // namespace osteon
