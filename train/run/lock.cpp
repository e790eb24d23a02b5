// Locks OUT/lock with flock(2). The contents of the file name the process that holds the lock.
#include "train/run/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace osteon {
namespace {

std::string holder_in(int file) {
  std::array<char, 400> text{};
  const ssize_t count = ::pread(file, text.data(), text.size(), 0);
  return count > 0 ? std::string(text.data(), static_cast<std::size_t>(count)) : "another process";
}

std::string this_process() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return format("process ", ::getpid(), " on ", host.data());
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& run)
    : file_(::open((run / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666)) {
  OSTEON_CHECK(file_ >= 0, "cannot write ", (run / "lock").string(), ": ",
               std::generic_category().message(errno));
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EWOULDBLOCK) {
      const std::string holder = holder_in(file_);
      ::close(file_);
      throw Error(format(run.string(), " is in use by ", holder,
                         "; wait until it ends, or choose another --out"));
    }
    warning_ = format(run.string(), " cannot be locked (", std::generic_category().message(error),
                      "): do not start a second training in it");
    return;
  }
  const std::string text = this_process();
  if (::ftruncate(file_, 0) != 0 || ::pwrite(file_, text.data(), text.size(), 0) < 0)
    warning_ = format(run.string(), " is locked, but its holder could not be recorded: ",
                      std::generic_category().message(errno));
}

RunLock::~RunLock() { ::close(file_); }

}  // namespace osteon
