// Work on a file that may end or corrupt whoever does it, done by a process of its own: what a
// library that is not to be trusted with damaged input is called through.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace osteon {

// Memory that this process and those it starts see alike, zero at first. A page costs nothing until
// it is touched. Throws Error when the system has no room.
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

// What a process may use before it is ended.
struct IsolationLimits {
  unsigned cpu_seconds = 60;
  unsigned seconds = 120;                    // of ours, while we wait for it
  std::size_t bytes = std::size_t{4} << 30;  // of address space beyond what this process has
};

// Runs `work` in a copy of this process (fork) and waits for its end. Returns nothing if `work`
// returned, else why it did not: "an exception", "signal 6, Aborted", "more than 60 s". Whatever
// `work` does, this process keeps its memory, files and output: the copy has no open files, can
// open none, prints nothing, leaves no core dump and is ended with us. Results go through
// SharedMemory, and are to be checked as anything that was read from a file.
//
// Safe to call from several threads. `work` sees the memory of all threads but runs alone, so it
// must not wait for another one, nor use OpenMP. Throws Error when no process can be started.
std::string run_isolated(const IsolationLimits& limits, const std::function<void()>& work);

}  // namespace osteon
