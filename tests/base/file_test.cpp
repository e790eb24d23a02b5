// An atomic write leaves the new file or the old one, never a partial file, and no temporary.
#include "base/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "tests/support/message_of.h"
#include "tests/support/size_limit.h"
#include "tests/support/temporary_folder.h"

namespace fs = std::filesystem;
using osteon::SizeLimit;
using osteon::write_file_atomically;

namespace {

struct Folder : osteon::TemporaryFolder {
  fs::path operator/(const char* name) const { return path() / name; }
  std::ptrdiff_t entries() const {
    return std::distance(fs::directory_iterator(path()), fs::directory_iterator());
  }
};

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string message_of_writing(const fs::path& path, std::string_view contents) {
  return osteon::message_of([&] { write_file_atomically(path, contents); });
}

}  // namespace

TEST_CASE("contents are written completely, also over an old file") {
  const Folder folder;
  const std::string binary("a\0\r\n\xff", 5);
  const std::string contents[] = {"first", "", binary, std::string(3'000'000, 'x'), "last"};
  for (const std::string& each : contents) {
    write_file_atomically(folder / "file", each);
    CHECK(read(folder / "file") == each);
    CHECK(folder.entries() == 1);
  }
}

TEST_CASE("pieces are written one after the other") {
  const Folder folder;
  const std::string large(100'000, 'y');
  const std::string_view pieces[] = {"first", "", large, "last"};
  write_file_atomically(folder / "file", pieces);
  CHECK(read(folder / "file") == "first" + large + "last");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a name without a folder is written in the current one") {
  const Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  write_file_atomically("file", "here");
  fs::current_path(before);
  CHECK(read(folder / "file") == "here");
}

TEST_CASE("a link keeps pointing at the file that is replaced") {
  const Folder folder;
  write_file_atomically(folder / "file", "old");
  fs::create_symlink("file", folder / "link");
  write_file_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read(folder / "file") == "new");
}

TEST_CASE("permissions follow the umask") {
  const Folder folder;
  const mode_t before = ::umask(027);
  write_file_atomically(folder / "file", "x");
  ::umask(before);
  CHECK(fs::status(folder / "file").permissions() == static_cast<fs::perms>(0640));
}

TEST_CASE("a stream is written to, not replaced") {
  const Folder folder;
  write_file_atomically("/dev/null", "gone");
  CHECK(fs::is_character_file("/dev/null"));
  const fs::path pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::string received;
  std::thread reader([&] { received = read(pipe); });
  write_file_atomically(pipe, "through the pipe");
  reader.join();
  CHECK(received == "through the pipe");
  CHECK(fs::is_fifo(pipe));
  // The file of a descriptor goes on after what was written before.
  const int file = ::open((folder / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(::write(file, "first ", 6) == 6);
  for (const char* name : {"/dev/fd/", "/proc/self/fd/"})
    write_file_atomically(name + std::to_string(file), "then ");
  ::close(file);
  CHECK(read(folder / "file") == "first then then ");
  CHECK(message_of_writing("/dev/fd/999", "x").find("Bad file descriptor") != std::string::npos);
}

TEST_CASE("the error names a path that cannot be written, and the reason") {
  const Folder folder;
  write_file_atomically(folder / "file", "old");
  fs::create_directory(folder / "folder");
  fs::create_symlink("loop", folder / "loop");
  struct Row {
    fs::path path;
    const char* reason;
  };
  const Row rows[] = {
      {folder / "missing" / "file", "No such file or directory"},
      {folder / "file" / "below", "Not a directory"},
      {folder / "folder", "not a regular file"},
      {folder / "loop", "Too many levels of symbolic links"},
      {folder / std::string(300, 'n').c_str(), "File name too long"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    const std::string message = message_of_writing(row.path, "new");
    CHECK(message.find("cannot write " + row.path.string()) == 0);
    CHECK(message.find(row.reason) != std::string::npos);
    CHECK(read(folder / "file") == "old");
    CHECK(folder.entries() == 3);
  }
}

TEST_CASE("running out of space leaves the old file intact and no temporary") {
  const Folder folder;
  write_file_atomically(folder / "file", "old");
  std::string message;
  {
    const SizeLimit limit(1000);
    message = message_of_writing(folder / "file", std::string(5000, 'x'));
  }
  CHECK(message.find("File too large") != std::string::npos);
  CHECK(read(folder / "file") == "old");
  CHECK(folder.entries() == 1);
}
