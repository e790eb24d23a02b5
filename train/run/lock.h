// The lock of a run's folder, so that only one process trains in it. The system releases the lock
// when the process ends, also after a crash.
#pragma once

#include <filesystem>
#include <string>

namespace osteon {

class RunLock {
 public:
  // Locks the file OUT/lock with flock(2), which also works between machines that share a folder by
  // NFS. Creates the file if necessary. Throws Error if another process holds the lock, with its
  // number and host, or if the file cannot be opened. On a file system without locks it only sets
  // warning().
  explicit RunLock(const std::filesystem::path& run);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  // Why the folder is not locked; empty if it is.
  const std::string& warning() const { return warning_; }

 private:
  int file_;
  std::string warning_;
};

}  // namespace osteon
