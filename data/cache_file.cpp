// A cache file contains a header, a table with one entry per slot, and, starting at a page
// boundary, the pixels of each slot.
#include "data/cache_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/checksums.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// Increase this number when decoding or resizing changes a pixel: cached images are then decoded
// again.
constexpr int kDecoderVersion = 2;

struct Header {
  char magic[8];
  std::uint64_t image_size, slots;
  std::uint64_t checksum;  // of the table of entries
};
constexpr char kMagic[8] = {'O', 'S', 'T', 'E', 'O', 'N', 'C', '2'};
constexpr char kMagicWithoutChecksums[8] = {'O', 'S', 'T', 'E', 'O', 'N', 'C', '1'};
constexpr std::size_t kPage = 4096;

// The offset of the pixels of a slot; for the slot after the last one, the length of the file.
std::size_t pixel_offset(std::uint64_t slots, std::uint64_t slot, std::int64_t image_size) {
  const std::size_t table_end = sizeof(Header) + slots * sizeof(CacheEntry);
  return (table_end + kPage - 1) / kPage * kPage +
         slot * static_cast<std::uint64_t>(image_size * image_size);
}

std::string prefix_of(std::int64_t image_size) { return format("images-", image_size, "-"); }
constexpr const char* kEnding = ".cache";
constexpr const char* kTemporaryStart = ".writing-";

[[noreturn]] void fail(const fs::path& path, const char* step, int error) {
  throw Error(format("cache ", path.string(), ": ", step, ": ",
                     std::generic_category().message(error),
                     "; set --cache to a folder with free space, memory or none"));
}

// A writer keeps its temporary file locked. If the file can be locked here, its writer has ended
// without finishing it, and the file is removed.
void remove_abandoned(const fs::path& temporary) {
  const int descriptor = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(temporary.c_str());
  ::close(descriptor);
}

}  // namespace

GreyLevels grey_levels(const std::uint8_t* pixels, std::int64_t count) {
  GreyLevels levels;
  for (std::int64_t i = 0; i < count; ++i) {
    levels.sum += pixels[i];
    levels.squares += static_cast<std::uint64_t>(pixels[i]) * pixels[i];
  }
  return levels;
}

std::uint64_t cache_key(const fs::path& file, std::int64_t image_size, Fit fit) {
  std::error_code missing;  // decoding reports the fault
  const auto size = fs::file_size(file, missing);
  const auto time = fs::last_write_time(file, missing).time_since_epoch().count();
  const std::uint64_t key =
      hash_name(format(fs::absolute(file).lexically_normal().string(), '|', size, '|', time, '|',
                       kDecoderVersion, '|', image_size, '|', fit == Fit::pad ? "pad" : "stretch"));
  return key == 0 ? 1 : key;
}

CacheFolder::CacheFolder(fs::path folder, std::int64_t image_size)
    : folder_(std::move(folder)), image_size_(image_size) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail(folder_, "create the folder", error.value());
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder_, error), end; entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(kTemporaryStart)) remove_abandoned(entry->path());
    if (name.starts_with(prefix_of(image_size)) && name.ends_with(kEnding))
      files.push_back(entry->path());
  }
  if (error) fail(folder_, "list the folder", error.value());
  for (const fs::path& file : files) open(file);
}

CachedImage CacheFolder::find(std::uint64_t key) const {
  const auto found = images_.find(key);
  return found == images_.end() ? CachedImage{} : found->second;
}

void CacheFolder::open(const fs::path& file) {
  auto mapped = std::make_unique<MappedFile>(file);
  const auto pixels = static_cast<std::size_t>(image_size_ * image_size_);
  Header header{};
  if (mapped->size() >= sizeof header) std::memcpy(&header, mapped->data(), sizeof header);
  if (std::memcmp(header.magic, kMagicWithoutChecksums, sizeof kMagic) == 0) return;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(mapped->data());
  const bool is_whole = std::memcmp(header.magic, kMagic, sizeof kMagic) == 0 &&
                        header.image_size == static_cast<std::uint64_t>(image_size_) &&
                        header.slots <= mapped->size() / (sizeof(CacheEntry) + pixels) &&
                        pixel_offset(header.slots, header.slots, image_size_) == mapped->size();
  if (!is_whole ||
      header.checksum != fast_checksum(bytes + sizeof header, header.slots * sizeof(CacheEntry))) {
    std::fprintf(stderr,
                 "warning: cache %s: damaged, or not a cache file; it is not used; remove it\n",
                 file.c_str());
    return;
  }
  for (std::uint64_t slot = 0; slot < header.slots; ++slot) {
    CacheEntry entry;
    std::memcpy(&entry, bytes + sizeof header + slot * sizeof(CacheEntry), sizeof entry);
    const std::size_t offset = pixel_offset(header.slots, slot, image_size_);
    if (entry.key != 0) images_.try_emplace(entry.key, bytes + offset, entry);
  }
  files_.push_back(std::move(mapped));
}

CacheWriter::CacheWriter(const CacheFolder& folder, std::int64_t slots)
    : folder_(folder.path()),
      image_size_(folder.image_size()),
      entries_(static_cast<std::size_t>(slots)) {
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    temporary_ = folder_ / format(kTemporaryStart, ::getpid(), "-", attempt);
    descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) fail(folder_, "create a file", errno);
  }
  ::flock(descriptor_, LOCK_EX | LOCK_NB);  // see remove_abandoned
}

CacheWriter::~CacheWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void CacheWriter::write_at(const void* bytes, std::size_t count, std::size_t offset) const {
  const auto* from = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t written = ::pwrite(descriptor_, from, count, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(folder_, "write", errno);
    from += written;
    offset += static_cast<std::size_t>(written);
    count -= static_cast<std::size_t>(written);
  }
}

void CacheWriter::write(std::int64_t slot, const CacheEntry& entry, const std::uint8_t* pixels) {
  const auto at = static_cast<std::size_t>(slot);
  write_at(pixels, static_cast<std::size_t>(image_size_ * image_size_),
           pixel_offset(entries_.size(), at, image_size_));
  entries_[at] = entry;
}

std::optional<fs::path> CacheWriter::finish() {
  std::uint64_t name = 0;
  for (const CacheEntry& entry : entries_) name = hash_name(format(name, '|', entry.key));
  bool any = false;
  for (const CacheEntry& entry : entries_) any = any || entry.key != 0;
  if (!any) return std::nullopt;

  Header header{{},
                static_cast<std::uint64_t>(image_size_),
                entries_.size(),
                fast_checksum(entries_.data(), entries_.size() * sizeof(CacheEntry))};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  write_at(&header, sizeof header, 0);
  write_at(entries_.data(), entries_.size() * sizeof(CacheEntry), sizeof header);
  const std::size_t length = pixel_offset(entries_.size(), entries_.size(), image_size_);
  if (::ftruncate(descriptor_, static_cast<off_t>(length)) != 0) fail(folder_, "extend", errno);
  if (::fsync(descriptor_) != 0) fail(folder_, "sync", errno);
  const fs::path file = folder_ / format(prefix_of(image_size_), std::hex, name, kEnding);
  if (::rename(temporary_.c_str(), file.c_str()) != 0) fail(file, "rename", errno);
  temporary_.clear();
  sync_folder_of(file);
  return file;
}

}  // namespace osteon
