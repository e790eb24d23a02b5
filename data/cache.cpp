// Decoding a whole data set once, in parallel, and keeping the result.
#include "data/cache.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <optional>
#include <thread>
#include <unordered_map>

#include "tensor/random.h"
#include "tensor/safetensors.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// To be raised when decoding or resizing changes a pixel: old cache files are then left alone.
constexpr int kDecoderVersion = 1;

// Images as consecutive bytes, in memory or in a mapped file.
class ByteStore : public ImageStore {
 public:
  ByteStore(Tensor images, std::vector<std::int64_t> slots)
      : images_(std::move(images)), slots_(std::move(slots)) {}
  void read(std::int64_t index, std::uint8_t* to) const override {
    const std::int64_t pixels = images_.dim(1) * images_.dim(2);
    std::memcpy(to, images_.data<std::uint8_t>() + slots_[static_cast<std::size_t>(index)] * pixels,
                static_cast<std::size_t>(pixels));
  }

 private:
  Tensor images_;                    // [slots, S, S]
  std::vector<std::int64_t> slots_;  // of each sample
};

// Images decoded each time they are asked for.
class DecodingStore : public ImageStore {
 public:
  DecodingStore(std::vector<fs::path> paths, std::int64_t image_size, Fit fit)
      : paths_(std::move(paths)), image_size_(image_size), fit_(fit) {}
  void read(std::int64_t index, std::uint8_t* to) const override {
    const Image image =
        fit_image(read_image(paths_[static_cast<std::size_t>(index)]), image_size_, fit_);
    std::ranges::copy(image.pixels, to);
  }

 private:
  std::vector<fs::path> paths_;
  std::int64_t image_size_;
  Fit fit_;
};

// The cache file of one image size and fit: a safetensors file with the images and, for each, the
// hash of what it was made from.
class CacheFile {
 public:
  CacheFile(const fs::path& folder, const CacheOptions& options)
      : path_(folder / format("images-", options.image_size, "-", fit_name(options.fit), "-v",
                              kDecoderVersion, ".safetensors")) {
    std::error_code error;
    fs::create_directories(folder, error);
    OSTEON_CHECK(!error, "cache folder ", folder.string(), ": ", error.message());
    if (!fs::exists(path_)) return;
    for (auto& [name, tensor] : read_safetensors(path_).tensors)
      (name == "images" ? images_ : keys_) = tensor;
    OSTEON_CHECK(
        images_.defined() && keys_.defined() && images_.dtype() == DType::u8 &&
            keys_.dtype() == DType::i64 && keys_.rank() == 1 &&
            images_.shape() == Shape({keys_.dim(0), options.image_size, options.image_size}),
        "cache ", path_.string(), " is not one of ours; remove it");
    for (std::int64_t slot = 0; slot < keys_.dim(0); ++slot)
      slots_.emplace(keys_.data<std::int64_t>()[slot], slot);
  }

  // The image made from what hashes to `key`; null if there is none.
  const std::uint8_t* find(std::int64_t key) const {
    const auto found = slots_.find(key);
    if (found == slots_.end()) return nullptr;
    return images_.data<std::uint8_t>() + found->second * images_.dim(1) * images_.dim(2);
  }
  // The slots of all keys, if every one is there.
  std::optional<std::vector<std::int64_t>> find_all(const std::vector<std::int64_t>& keys) const {
    std::vector<std::int64_t> slots;
    for (const std::int64_t key : keys) {
      const auto found = slots_.find(key);
      if (found == slots_.end()) return std::nullopt;
      slots.push_back(found->second);
    }
    return slots;
  }
  const Tensor& images() const { return images_; }

  void replace(const Tensor& images, const std::vector<std::int64_t>& keys) const {
    const Tensor column({static_cast<std::int64_t>(keys.size())}, DType::i64);
    std::ranges::copy(keys, column.data<std::int64_t>());
    write_safetensors(path_, {{{"images", images}, {"keys", column}}, {}});
  }

 private:
  fs::path path_;
  Tensor images_, keys_;
  std::unordered_map<std::int64_t, std::int64_t> slots_;
};

// What an image was made from; a changed file has another one. A missing file has one too: decoding
// will say what is wrong.
std::int64_t cache_key(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  const auto time = fs::last_write_time(path, error).time_since_epoch().count();
  return static_cast<std::int64_t>(hash_name(format(path.string(), '|', size, '|', time)));
}

// Sums of integers are exact, so it does not matter who adds what first.
struct GreyLevels {
  std::uint64_t sum = 0, squares = 0, count = 0;
  void add(const std::uint8_t* pixels, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      sum += pixels[i];
      squares += static_cast<std::uint64_t>(pixels[i]) * pixels[i];
    }
    count += static_cast<std::uint64_t>(n);
  }
};

// One pass over all samples of a manifest.
class Preparation {
 public:
  Preparation(const Manifest& manifest, const CacheOptions& options)
      : manifest_(manifest),
        options_(options),
        pixels_(options.image_size * options.image_size),
        samples_(static_cast<std::int64_t>(manifest.samples.size())),
        reasons_(manifest.samples.size()),
        levels_(manifest.samples.size()) {
    for (const Sample& sample : manifest.samples) paths_.push_back(manifest.root / sample.path);
    if (options.cache != "none" && options.cache != "memory") {
      file_.emplace(options.cache, options);
      for (const fs::path& path : paths_) keys_.push_back(cache_key(path));
    }
    complete_ = file_ ? file_->find_all(keys_) : std::nullopt;
    if (options.cache != "none" && !complete_)
      images_ = Tensor({samples_, options.image_size, options.image_size}, DType::u8);
  }

  void run(const std::function<void(std::int64_t)>& progress) {
    std::atomic<std::int64_t> next{0}, done{0};
    const auto work = [&] {
      std::vector<std::uint8_t> scratch(static_cast<std::size_t>(pixels_));
      for (std::int64_t i = next++; i < samples_; i = next++) {
        prepare(i, scratch.data());
        ++done;
      }
    };
    std::vector<std::jthread> threads;
    for (int i = 0; i < std::max(options_.workers, 1); ++i) threads.emplace_back(work);
    while (progress && done < samples_) {
      progress(done);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  PreparedImages finish() {
    PreparedImages result;
    std::vector<std::int64_t> slots;
    std::vector<fs::path> readable;
    GreyLevels train;
    result.manifest = manifest_;
    result.manifest.samples.clear();
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      const Sample& sample = manifest_.samples[i];
      if (!reasons_[i].empty()) {
        result.unreadable.push_back({sample.path, reasons_[i]});
        continue;
      }
      result.manifest.samples.push_back(sample);
      readable.push_back(paths_[i]);
      slots.push_back(complete_ ? (*complete_)[i] : static_cast<std::int64_t>(i));
      if (sample.split != Split::train) continue;
      train.sum += levels_[i].sum;
      train.squares += levels_[i].squares;
      train.count += levels_[i].count;
    }
    check_bad(result.unreadable);
    set_mean_and_std(train, result);
    if (file_ && decoded_) save_readable();
    if (options_.cache == "none")
      result.store =
          std::make_unique<DecodingStore>(std::move(readable), options_.image_size, options_.fit);
    else
      result.store =
          std::make_unique<ByteStore>(complete_ ? file_->images() : images_, std::move(slots));
    return result;
  }

 private:
  void prepare(std::int64_t i, std::uint8_t* scratch) {
    const auto at = static_cast<std::size_t>(i);
    std::uint8_t* to = images_.defined() ? images_.data<std::uint8_t>() + i * pixels_ : scratch;
    try {
      if (const std::uint8_t* cached = file_ ? file_->find(keys_[at]) : nullptr) {
        std::memcpy(to, cached, static_cast<std::size_t>(pixels_));
      } else {
        std::ranges::copy(
            fit_image(read_image(paths_[at]), options_.image_size, options_.fit).pixels, to);
        decoded_ = true;
      }
      levels_[at].add(to, pixels_);
    } catch (const std::exception& error) {
      reasons_[at] = error.what();
    }
  }

  void save_readable() const {
    if (std::ranges::count(reasons_, std::string()) == samples_)
      return file_->replace(images_, keys_);
    std::vector<std::int64_t> keys;
    const Tensor packed(
        {std::ranges::count(reasons_, std::string()), images_.dim(1), images_.dim(2)}, DType::u8);
    std::uint8_t* to = packed.data<std::uint8_t>();
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (!reasons_[i].empty()) continue;
      keys.push_back(keys_[i]);
      to = std::copy_n(images_.data<std::uint8_t>() + static_cast<std::int64_t>(i) * pixels_,
                       pixels_, to);
    }
    file_->replace(packed, keys);
  }

  void check_bad(const std::vector<UnreadableImage>& unreadable) const {
    const double share =
        static_cast<double>(unreadable.size()) / std::max(static_cast<double>(samples_), 1.0);
    if (unreadable.empty() || share <= options_.max_bad) return;
    std::string message = format(unreadable.size(), " of ", samples_,
                                 " images cannot be read, more than "
                                 "the ",
                                 options_.max_bad * 100, " % that are put up with (--max-bad)");
    for (std::size_t i = 0; i < std::min<std::size_t>(unreadable.size(), 5); ++i)
      message += "; " + unreadable[i].reason;
    throw Error(message);
  }

  static void set_mean_and_std(const GreyLevels& levels, PreparedImages& result) {
    if (levels.count == 0) return;
    const auto count = static_cast<double>(levels.count);
    const double mean = static_cast<double>(levels.sum) / count;
    const double variance = static_cast<double>(levels.squares) / count - mean * mean;
    result.mean = mean / 255;
    // A set of uniformly grey images has no scale of its own.
    result.std = variance > 0 ? std::sqrt(variance) / 255 : 1;
  }

  const Manifest& manifest_;
  const CacheOptions& options_;
  const std::int64_t pixels_, samples_;
  std::vector<fs::path> paths_;
  std::vector<std::int64_t> keys_;
  std::optional<CacheFile> file_;
  std::optional<std::vector<std::int64_t>> complete_;  // slots, when the file has every image
  Tensor images_;
  std::atomic<bool> decoded_ = false;  // some image was not in the file
  std::vector<std::string> reasons_;   // why a sample cannot be read; empty if it can
  std::vector<GreyLevels> levels_;
};

}  // namespace

PreparedImages prepare_images(Manifest manifest, const CacheOptions& options,
                              const std::function<void(std::int64_t)>& progress) {
  OSTEON_CHECK(options.image_size >= 1 && options.image_size <= 8192, "image size ",
               options.image_size, " is not in [1, 8192]");
  Preparation preparation(manifest, options);
  preparation.run(progress);
  return preparation.finish();
}

}  // namespace osteon
