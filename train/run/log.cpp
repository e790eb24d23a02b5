// Writes the log's file: only complete lines, even if the disk fails.
#include "train/run/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace osteon {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw Error(format("cannot write ", path.string(), ": ", std::generic_category().message(errno),
                     " (its folder must exist, be writable and have space left)"));
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& path, std::int64_t keep)
    : path_(path),
      file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)),
      size_(keep) {
  if (file_ < 0) fail(path_);
  try {
    struct stat status {};
    if (::fstat(file_, &status) != 0) fail(path_);
    OSTEON_CHECK(keep >= 0 && status.st_size >= keep, path.string(), " has ", status.st_size,
                 " bytes, but had ", keep,
                 " when the checkpoint was written: lines are missing. Restore the file, or begin "
                 "a new run");
    if (::ftruncate(file_, keep) != 0) fail(path_);
  } catch (...) {
    ::close(file_);
    throw;
  }
}

RunLog::~RunLog() { ::close(file_); }

void RunLog::write(const nlohmann::ordered_json& line) {
  const std::string text = line.dump() + '\n';
  if (!write_all(file_, text)) {
    const int error = errno;
    if (::ftruncate(file_, size_) != 0) fail(path_);
    errno = error;
    fail(path_);
  }
  size_ += static_cast<std::int64_t>(text.size());
}

std::int64_t RunLog::sync() const {
  if (::fsync(file_) != 0) fail(path_);
  return size_;
}

}  // namespace osteon
