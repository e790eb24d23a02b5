// One trainer per run's folder: a lock that the system releases when the process ends, however it
// ends.
#pragma once

#include <filesystem>
#include <string>

namespace osteon {

class RunLock {
 public:
  // Locks the file OUT/lock, made if necessary, with flock(2), which also works between the
  // machines of an NFS. Throws Error naming host and process if another one holds it, or if the
  // file cannot be opened. On a file system without locks it only sets warning().
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
