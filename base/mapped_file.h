// A file seen as memory: tensors and caches look into it without a copy.
#pragma once

#include <cstddef>
#include <filesystem>

namespace osteon {

// The whole of a regular file, mapped privately: pages are read when they are first touched, and a
// change in place stays in this process and never reaches the file. Throws Error naming the file
// and the system's reason. The mapping survives a rename over the file and its removal; a file cut
// short by somebody else while it is mapped ends the process (SIGBUS) when a lost page is touched,
// which is why writers replace files instead of changing them (base/file.h).
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // The first byte; null for an empty file.
  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace osteon
