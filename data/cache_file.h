// Fitted images on disk. A folder holds any number of files, each written once and never changed:
// the images a run had to decode. What a run needs may lie in several of them, so runs on other
// parts of a data set, or on other data sets, add to a folder without copying or losing what is
// there.
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

// Sums of grey levels are exact integers, so it does not matter who adds what first.
struct GreyLevels {
  std::uint64_t sum = 0, squares = 0;

  void add(const GreyLevels& other) {
    sum += other.sum;
    squares += other.squares;
  }
};
GreyLevels grey_levels(const std::uint8_t* pixels, std::int64_t count);

// What a fitted image was made from: a hash of the file's absolute path, size and modification
// time, the decoder's version, image size and fit. A file that changed has another key.
std::uint64_t cache_key(const std::filesystem::path& file, std::int64_t image_size, Fit fit);

struct CachedImage {
  const std::uint8_t* pixels = nullptr;  // image_size^2, in a mapped file
  GreyLevels levels;
};

// What a cache file says of one of its slots.
struct CacheEntry {
  std::uint64_t key = 0;  // 0: the slot is empty
  GreyLevels levels;
};

// The files of one image size in a folder, mapped into memory.
class CacheFolder {
 public:
  // Makes the folder if need be, removes what an interrupted run left behind, and opens all files
  // of this image size. Throws Error naming the folder, or a file that is damaged.
  CacheFolder(std::filesystem::path folder, std::int64_t image_size);

  const std::filesystem::path& path() const { return folder_; }
  std::int64_t image_size() const { return image_size_; }

  // The image of that key; pixels are null if there is none, and valid as long as the folder lives.
  CachedImage find(std::uint64_t key) const;
  // Adds a file of the folder.
  void open(const std::filesystem::path& file);

 private:
  std::filesystem::path folder_;
  std::int64_t image_size_;
  std::vector<std::unique_ptr<MappedFile>> files_;
  std::unordered_map<std::uint64_t, CachedImage> images_;
};

// Writes one file of a folder. It appears under its name when it is whole, or not at all.
class CacheWriter {
 public:
  // Room for `slots` images; throws Error naming the folder when it cannot be written.
  CacheWriter(const CacheFolder& folder, std::int64_t slots);
  CacheWriter(const CacheWriter&) = delete;
  CacheWriter& operator=(const CacheWriter&) = delete;
  ~CacheWriter();

  // Puts an image into a slot, each slot at most once; from any thread. Throws Error naming the
  // file and the system's reason (a full disk).
  void write(std::int64_t slot, std::uint64_t key, const std::uint8_t* pixels,
             const GreyLevels& levels);
  // Syncs and names the file; the slots nobody wrote stay empty. Returns the file, or nothing when
  // no image was written.
  std::optional<std::filesystem::path> finish();

 private:
  void write_at(const void* bytes, std::size_t count, std::size_t offset) const;

  std::filesystem::path folder_, temporary_;
  std::int64_t image_size_;
  std::vector<CacheEntry> entries_;
  int descriptor_ = -1;
};

}  // namespace osteon
