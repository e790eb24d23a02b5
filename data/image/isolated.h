// Runs work that may crash or corrupt its process in a separate process. Use it to call a library
// that is not safe for damaged input.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace osteon {

// Memory shared by this process and its children, initially zero. A page takes memory only after
// its first use. Throws Error if the system has no memory left.
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

// The limits of a process; it is killed when it exceeds one of them.
struct IsolationLimits {
  unsigned cpu_seconds = 60;
  unsigned seconds = 120;                    // of wall time
  std::size_t bytes = std::size_t{4} << 30;  // of address space, besides that of this process
};

// Runs `work` in a copy of this process (fork) and waits for its end. Returns an empty text if
// `work` returned, otherwise the reason: "an exception", "signal 6, Aborted", "more than 60 s".
// `work` cannot change the memory, files and output of this process: the copy has no open files,
// can open none, prints nothing, writes no core dump, and is killed when this process ends. Return
// results through SharedMemory and check them like data from a file.
//
// Safe to call from several threads. `work` sees the memory of all threads but runs alone, so it
// must neither wait for another thread nor use OpenMP. Throws Error if no process can be started.
std::string run_isolated(const IsolationLimits& limits, const std::function<void()>& work);

}  // namespace osteon
