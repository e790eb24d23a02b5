// Tries to write in the places where a program will write its results later.
#include "base/output_path.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>

#include "base/error.h"
#include "base/file.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// The path itself if it exists, else the deepest folder above it that exists.
fs::path existing_folder(const fs::path& path) {
  std::error_code error;
  fs::path folder = fs::absolute(path);
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

// Throws Error unless a file can be created in the folder; removes it again.
void try_folder(const char* option, const fs::path& path, const fs::path& folder) {
  std::error_code error;
  OSTEON_CHECK(fs::is_directory(folder, error), "--", option, " ", path.string(), ": ",
               folder.string(), " is not a folder");
  const fs::path file = folder / format(".osteon.", ::getpid(), ".tmp");
  const int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  OSTEON_CHECK(made >= 0, "--", option, " ", path.string(), ": cannot write in ", folder.string(),
               ": ", std::generic_category().message(errno));
  ::close(made);
  ::unlink(file.c_str());
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(fs::absolute(path), error) / "";
  const fs::path outer = fs::weakly_canonical(fs::absolute(folder), error) / "";
  const auto end = std::prev(outer.end());  // the empty name after the last slash
  return std::mismatch(outer.begin(), end, inner.begin(), inner.end()).first == end;
}

}  // namespace

void check_can_write_file(const char* option, const fs::path& path) {
  if (is_stream(path)) return;
  std::error_code error;
  const fs::path file = fs::is_symlink(path, error) ? fs::weakly_canonical(path, error) : path;
  OSTEON_CHECK(!fs::exists(file, error) || fs::is_regular_file(file, error), "--", option, " ",
               path.string(), " exists and is not a regular file; choose another path");
  try_folder(option, path, fs::absolute(file).parent_path());
}

void check_can_fill_folder(const char* option, const fs::path& path) {
  try_folder(option, path, existing_folder(path));
}

void check_outside_data(const char* option, const fs::path& path, const fs::path& data) {
  if (!fs::is_directory(data) || !is_inside(path, data)) return;
  throw UsageError(format("--", option, " ", path.string(), " is in the folder of the data set, ",
                          data.string(), "; choose one outside"));
}

}  // namespace osteon
