// A memory-mapped file: tensors and caches view its contents without a copy.
#pragma once

#include <cstddef>
#include <filesystem>

namespace osteon {

// A whole regular file, mapped privately: pages are read at the first access, and changes in memory
// never reach the file. Throws Error naming the file and the system's reason. The mapping stays
// valid after the file is replaced by a rename or removed. If another process truncates the file,
// an access to a lost page ends this process (SIGBUS); thus writers replace files instead of
// changing them (base/file.h).
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
