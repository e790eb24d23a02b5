// The POSIX steps of an atomic write: exclusive create, write, fsync, rename, fsync of the folder.
#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <iostream>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* step, int error) {
  throw Error(format("cannot write ", path.string(), ": ", step, ": ",
                     std::generic_category().message(error),
                     " (the folder must exist, be writable and have space left)"));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

void write_all(int descriptor, std::string_view contents, const fs::path& path) {
  while (!contents.empty()) {
    const ssize_t written = ::write(descriptor, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "write", errno);
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
}

// The number N of a path such as /dev/fd/N, -1 for another path. Such a path must not be opened
// again, because writing would then start at the first byte of the file.
int open_descriptor(const fs::path& path) {
  const std::string name = path.lexically_normal().string();
  if (name == "/dev/stdout") return STDOUT_FILENO;
  if (name == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!name.starts_with(folder)) continue;
    int number = -1;
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + folder.size(), end, number);
    if (error == std::errc() && stop == end) return number;
  }
  return -1;
}

void write_stream(const fs::path& path, std::span<const std::string_view> pieces) {
  std::cout.flush();
  const int number = open_descriptor(path);
  const Descriptor opened(number >= 0 ? -1 : ::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (number < 0 && opened.number() < 0) fail(path, "open", errno);
  for (const std::string_view piece : pieces)
    write_all(number >= 0 ? number : opened.number(), piece, path);
}

// A temporary file. The destructor removes it unless it was moved to its final path.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!moved_) ::unlink(path_.c_str());
  }
  void move_to(const fs::path& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0) fail(target, "rename", errno);
    moved_ = true;
  }

 private:
  fs::path path_;
  bool moved_ = false;
};

// The file to replace: if `path` is a link, its target. Throws Error if it is a folder, a socket or
// a block device.
fs::path resolve(const fs::path& path) {
  std::error_code error;
  fs::path target = path;
  if (fs::is_symlink(path, error)) target = fs::weakly_canonical(path, error);
  if (error.value() == ELOOP) fail(path, "follow the link", ELOOP);
  const fs::file_status status = fs::status(target, error);
  OSTEON_CHECK(!fs::exists(status) || fs::is_regular_file(status), "cannot write ", path.string(),
               ": it exists and is not a regular file; choose another path");
  return target;
}

// A unique name, so that two writers of one path never share a temporary file. It begins with a
// dot: readers that skip dot-files also skip a temporary file left after a power cut.
fs::path temporary_name(const fs::path& target, int attempt) {
  return target.parent_path() /
         format(".", target.filename().string(), ".", ::getpid(), ".", attempt, ".tmp");
}

}  // namespace

bool is_stream(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return open_descriptor(path) >= 0 || fs::is_fifo(status) || fs::is_character_file(status);
}

// EINVAL means that the file system cannot sync a folder.
void sync_folder_of(const fs::path& target) {
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.number() < 0) fail(target, "open its folder to sync", errno);
  if (::fsync(descriptor.number()) != 0 && errno != EINVAL) fail(target, "sync its folder", errno);
}

void write_file_atomically(const fs::path& path, std::string_view contents) {
  write_file_atomically(path, std::span(&contents, 1));
}

void write_file_atomically(const fs::path& path, std::span<const std::string_view> pieces) {
  if (is_stream(path)) return write_stream(path, pieces);
  const fs::path target = resolve(path);
  fs::path name;
  int number = -1;
  for (int attempt = 0; number < 0; ++attempt) {
    name = temporary_name(target, attempt);
    number = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (number < 0 && errno != EEXIST) fail(path, "create a temporary file in its folder", errno);
  }
  // [exercise 11a]
  const Descriptor descriptor(number);
  Temporary temporary(name);
  for (const std::string_view piece : pieces) write_all(number, piece, path);
  if (::fsync(number) != 0) fail(path, "sync", errno);
  temporary.move_to(target);
  sync_folder_of(target);
  // [exercise end]
}

}  // namespace osteon
