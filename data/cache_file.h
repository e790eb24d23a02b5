// Fitted images on disk. A folder contains any number of files. Each file is written once and never
// changed; it contains the images that one run had to decode. A run can use images of several
// files. Therefore runs with other parts of a data set, or with other data sets, can add files to a
// folder without copying or losing its contents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/mapped_file.h"
#include "data/image/image.h"

namespace osteon {

// Sums of grey levels are exact integers, so their order does not matter.
struct GreyLevels {
  std::uint64_t sum = 0, squares = 0;

  void add(const GreyLevels& other) {
    sum += other.sum;
    squares += other.squares;
  }
};
GreyLevels grey_levels(const std::uint8_t* pixels, std::int64_t count);

// The key of a fitted image: a hash of the file's absolute path, size and modification time, the
// decoder's version, image size and fit. A changed file has another key.
std::uint64_t cache_key(const std::filesystem::path& file, std::int64_t image_size, Fit fit);

// The properties of a fitted image.
struct CacheEntry {
  std::uint64_t key = 0;  // see cache_key()
  GreyLevels levels;
  std::uint64_t checksum = 0;  // of the pixels
  std::uint64_t digest = 0;    // fast_checksum() of the image's own file
};

struct CachedImage {
  const std::uint8_t* pixels = nullptr;  // image_size^2, in a mapped file
  CacheEntry entry;
};

// The files of one image size in a folder, mapped into memory.
class CacheFolder {
 public:
  // Creates the folder if necessary, removes the temporary files of interrupted runs, and opens all
  // files of this image size. Files of older versions are not used. Files with a damaged header or
  // table are not used either, with a warning on standard error. Throws Error naming the folder if
  // it cannot be created or listed.
  CacheFolder(std::filesystem::path folder, std::int64_t image_size);

  const std::filesystem::path& path() const { return folder_; }
  std::int64_t image_size() const { return image_size_; }

  // The image with this key; its pixels are null if there is none, and valid as long as this
  // object.
  CachedImage find(std::uint64_t key) const;
  // Opens one file of the folder.
  void open(const std::filesystem::path& file);

 private:
  std::filesystem::path folder_;
  std::int64_t image_size_;
  std::vector<std::unique_ptr<MappedFile>> files_;
  std::unordered_map<std::uint64_t, CachedImage> images_;
};

// Writes one file of a folder. The file gets its final name only when it is complete.
class CacheWriter {
 public:
  // Space for `slots` images; throws Error naming the folder if it cannot be written.
  CacheWriter(const CacheFolder& folder, std::int64_t slots);
  CacheWriter(const CacheWriter&) = delete;
  CacheWriter& operator=(const CacheWriter&) = delete;
  ~CacheWriter();

  // Writes an image into a slot, each slot at most once; safe from any thread. Throws Error naming
  // the file and the system's reason (a full disk).
  void write(std::int64_t slot, const CacheEntry& entry, const std::uint8_t* pixels);
  // Syncs and names the file; slots that were not written stay empty. Returns the file, or nullopt
  // if no image was written.
  std::optional<std::filesystem::path> finish();

 private:
  void write_at(const void* bytes, std::size_t count, std::size_t offset) const;

  std::filesystem::path folder_, temporary_;
  std::int64_t image_size_;
  std::vector<CacheEntry> entries_;
  int descriptor_ = -1;
};

}  // namespace osteon
