// Decodes a whole data set once, in parallel, and keeps the result.
#include "data/cache.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "base/checksums.h"
#include "base/error.h"
#include "comm/process_group.h"
#include "comm/shared_memory.h"
#include "data/cache_file.h"
#include "tensor/tensor.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// Images as bytes in memory.
class MemoryStore : public ImageStore {
 public:
  MemoryStore(std::shared_ptr<const Tensor> owner, std::vector<CachedImage> images,
              std::int64_t image_size)
      : owner_(std::move(owner)), images_(std::move(images)), image_size_(image_size) {}
  std::int64_t image_size() const override { return image_size_; }
  void read(std::int64_t index, std::uint8_t* to) const override {
    std::memcpy(to, images_[static_cast<std::size_t>(index)].pixels,
                static_cast<std::size_t>(image_size_ * image_size_));
  }

 private:
  std::shared_ptr<const Tensor> owner_;
  std::vector<CachedImage> images_;
  std::int64_t image_size_;
};

// Images that are decoded at each read.
class DecodingStore : public ImageStore {
 public:
  DecodingStore(std::vector<fs::path> paths, std::int64_t image_size, Fit fit)
      : paths_(std::move(paths)), image_size_(image_size), fit_(fit) {}
  std::int64_t image_size() const override { return image_size_; }
  const fs::path& path(std::int64_t index) const { return paths_[static_cast<std::size_t>(index)]; }
  void read(std::int64_t index, std::uint8_t* to) const override {
    std::ranges::copy(fit_image(read_image(path(index)), image_size_, fit_).pixels, to);
  }

 private:
  std::vector<fs::path> paths_;
  std::int64_t image_size_;
  Fit fit_;
};

// Images in mapped files of the cache. If one does not match its checksum, the image's own file is
// decoded instead.
class FolderStore : public ImageStore {
 public:
  FolderStore(std::shared_ptr<const CacheFolder> folder, std::vector<CachedImage> images,
              std::vector<fs::path> paths, Fit fit)
      : folder_(std::move(folder)),
        images_(std::move(images)),
        decoded_(std::move(paths), folder_->image_size(), fit) {}
  std::int64_t image_size() const override { return folder_->image_size(); }
  void read(std::int64_t index, std::uint8_t* to) const override {
    const CachedImage& image = images_[static_cast<std::size_t>(index)];
    const std::int64_t count = image_size() * image_size();
    std::memcpy(to, image.pixels, static_cast<std::size_t>(count));
    if (fast_checksum(to, static_cast<std::size_t>(count)) == image.entry.checksum) return;
    if (!warned_.exchange(true))
      std::fprintf(stderr,
                   "warning: cache %s is damaged, first seen at %s; such images are decoded again; "
                   "remove the folder, so that the next run fills it again\n",
                   folder_->path().c_str(), decoded_.path(index).c_str());
    decoded_.read(index, to);
  }

 private:
  std::shared_ptr<const CacheFolder> folder_;
  std::vector<CachedImage> images_;
  DecodingStore decoded_;
  mutable std::atomic<bool> warned_ = false;
};

bool is_folder(const std::string& cache) { return cache != "memory" && cache != "none"; }

// Calls body(0) .. body(n - 1) in `workers` threads, and at the same time report(done) in this one.
// An exception of either stops the work and is rethrown.
void run_in_parallel(std::int64_t n, int workers, const std::function<void(std::int64_t)>& body,
                     const std::function<void(std::int64_t)>& report) {
  std::atomic<std::int64_t> next{0}, done{0};
  std::mutex mutex;
  std::condition_variable changed;
  std::exception_ptr error;
  int running = workers;
  const auto work = [&] {
    std::exception_ptr thrown;
    try {
      for (std::int64_t i = next++; i < n; i = next++, ++done) body(i);
    } catch (...) {
      thrown = std::current_exception();
      next = n;
    }
    const std::lock_guard lock(mutex);
    if (thrown) error = thrown;
    --running;
    changed.notify_all();
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < workers; ++i) threads.emplace_back(work);
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, std::chrono::milliseconds(100), [&] { return running == 0; })) {
      if (!report) continue;
      lock.unlock();
      try {
        report(done);
      } catch (...) {
        next = n;
        throw;
      }
      lock.lock();
    }
  }
  if (error) std::rethrow_exception(error);
  if (report) report(n);
}

// One pass over all samples of a manifest.
class Preparation {
 public:
  Preparation(const Manifest& manifest, const CacheOptions& options)
      : manifest_(manifest),
        options_(options),
        pixels_(options.image_size * options.image_size),
        results_(manifest.samples.size()) {
    for (const Sample& sample : manifest.samples) paths_.push_back(manifest.root / sample.path);
    if (options.cache == "memory")
      memory_ = std::make_shared<Tensor>(
          shared_tensor({static_cast<std::int64_t>(paths_.size()), pixels_}, DType::u8));
    else if (is_folder(options.cache))
      folder_ = std::make_shared<CacheFolder>(options.cache, options.image_size);
    take_cached();
  }

  void run(const std::function<void(std::int64_t)>& progress) {
    if (folder_ && !missing_.empty())
      writer_.emplace(*folder_, static_cast<std::int64_t>(missing_.size()));
    const auto cached = static_cast<std::int64_t>(paths_.size() - missing_.size());
    std::function<void(std::int64_t)> report;
    if (progress) report = [&](std::int64_t done) { progress(cached + done); };
    run_in_parallel(
        static_cast<std::int64_t>(missing_.size()),
        std::max(options_.workers, 1) * world().local_size(),
        [this](std::int64_t slot) { decode(slot); }, report);
    const std::optional<fs::path> file = writer_ ? writer_->finish() : std::nullopt;
    if (!file) return;
    folder_->open(*file);
    for (const std::size_t i : missing_)
      results_[i].cached = folder_->find(results_[i].cached.entry.key);
  }

  // Gives what the first process of each host has found to the others.
  void share() {
    if (world().size() == 1) return;
    std::vector<CacheEntry> entries;
    nlohmann::json texts;  // reason and warning of each image
    for (const Result& result : results_) {
      entries.push_back(result.cached.entry);
      texts.push_back({result.reason, result.warning});
    }
    const std::string bytes = world().from_first_of_host(
        {reinterpret_cast<const char*>(entries.data()), entries.size() * sizeof(CacheEntry)});
    texts = nlohmann::json::parse(world().from_first_of_host(
        texts.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
    std::memcpy(entries.data(), bytes.data(), bytes.size());
    for (std::size_t i = 0; i < results_.size(); ++i) {
      results_[i].cached.entry = entries[i];
      texts[i][0].get_to(results_[i].reason);
      texts[i][1].get_to(results_[i].warning);
      if (memory_)
        results_[i].cached.pixels =
            memory_->data<std::uint8_t>() + static_cast<std::int64_t>(i) * pixels_;
    }
  }

  PreparedImages finish() {
    PreparedImages prepared;
    prepared.manifest = manifest_;
    prepared.manifest.samples.clear();
    std::vector<fs::path> paths;
    std::vector<CachedImage> images;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (!results_[i].reason.empty()) {
        prepared.unreadable.push_back({manifest_.samples[i].path, results_[i].reason});
        continue;
      }
      if (!results_[i].warning.empty())
        prepared.warned.push_back({manifest_.samples[i].path, results_[i].warning});
      prepared.manifest.samples.push_back(manifest_.samples[i]);
      paths.push_back(paths_[i]);
      images.push_back(results_[i].cached);
      prepared.digests.push_back(results_[i].cached.entry.digest);
    }
    check_bad(prepared.unreadable);
    check_splits(prepared.manifest);
    set_mean_and_std(prepared);
    if (options_.cache == "none") {
      prepared.store =
          std::make_unique<DecodingStore>(std::move(paths), options_.image_size, options_.fit);
    } else if (folder_) {
      prepared.store =
          std::make_unique<FolderStore>(folder_, std::move(images), std::move(paths), options_.fit);
    } else {
      prepared.store =
          std::make_unique<MemoryStore>(memory_, std::move(images), options_.image_size);
    }
    return prepared;
  }

 private:
  struct Result {
    CachedImage cached;   // its pixels are null if no cache has them
    std::string reason;   // why the image is unreadable; empty if it is readable
    std::string warning;  // the first warning of the image
  };

  // Finds the images that the folder contains, and lists the missing ones.
  void take_cached() {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      Result& result = results_[i];
      if (folder_) {
        const std::uint64_t key = cache_key(paths_[i], options_.image_size, options_.fit);
        result.cached = folder_->find(key);
        result.cached.entry.key = key;
      }
      if (result.cached.pixels == nullptr) missing_.push_back(i);
    }
  }

  void decode(std::int64_t slot) {
    const std::size_t i = missing_[static_cast<std::size_t>(slot)];
    Result& result = results_[i];
    Image image;
    try {
      const Image whole = read_image(paths_[i]);
      if (!whole.warnings.empty()) result.warning = whole.warnings.front();
      image = fit_image(whole, options_.image_size, options_.fit);
      result.cached.entry.digest = fast_checksum(paths_[i]);
    } catch (const Error& error) {
      result.reason = error.what();
      return;
    }
    CacheEntry& entry = result.cached.entry;
    entry.levels = grey_levels(image.pixels.data(), pixels_);
    entry.checksum = fast_checksum(image.pixels.data(), image.pixels.size());
    if (memory_) {
      std::uint8_t* to = memory_->data<std::uint8_t>() + static_cast<std::int64_t>(i) * pixels_;
      std::ranges::copy(image.pixels, to);
      result.cached.pixels = to;
    }
    if (writer_) writer_->write(slot, entry, image.pixels.data());
  }

  void check_bad(const std::vector<UnreadableImage>& unreadable) const {
    constexpr std::size_t kNamed = 5;
    const auto bad = static_cast<double>(unreadable.size());
    if (bad <= options_.max_bad * static_cast<double>(paths_.size())) return;
    std::string message =
        format(unreadable.size(), " of ", paths_.size(), " images cannot be read, more than the ",
               options_.max_bad * 100, " % that are tolerated (--max-bad)");
    for (std::size_t i = 0; i < std::min(unreadable.size(), kNamed); ++i)
      message += "; " + unreadable[i].reason;
    throw Error(message);
  }

  void check_splits(const Manifest& readable) const {
    for (const Split split : {Split::train, Split::val, Split::test}) {
      const auto before = std::ranges::count(manifest_.samples, split, &Sample::split);
      OSTEON_CHECK(before == 0 || std::ranges::count(readable.samples, split, &Sample::split) > 0,
                   "split ", split_name(split), " becomes empty: none of its ", before,
                   " images can be read");
    }
  }

  void set_mean_and_std(PreparedImages& prepared) const {
    GreyLevels train;
    double count = 0;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (manifest_.samples[i].split != Split::train || !results_[i].reason.empty()) continue;
      train.add(results_[i].cached.entry.levels);
      count += static_cast<double>(pixels_);
    }
    if (count == 0) return;
    const double mean = static_cast<double>(train.sum) / count;
    const double variance = static_cast<double>(train.squares) / count - mean * mean;
    prepared.mean = mean / 255;
    // If all pixels are equal, the standard deviation is 0, by which nothing can be divided.
    prepared.std = variance > 0 ? std::sqrt(variance) / 255 : 1;
  }

  const Manifest& manifest_;
  const CacheOptions& options_;
  const std::int64_t pixels_;
  std::vector<fs::path> paths_;
  std::vector<Result> results_;       // of each sample
  std::vector<std::size_t> missing_;  // the samples that no cache has
  std::shared_ptr<Tensor> memory_;    // [samples, pixels], with --cache memory
  std::shared_ptr<CacheFolder> folder_;
  std::optional<CacheWriter> writer_;  // one slot per image of missing_
};

}  // namespace

PreparedImages prepare_images(const Manifest& manifest, const CacheOptions& options,
                              const std::function<void(std::int64_t)>& progress) {
  OSTEON_CHECK(options.image_size >= 1 && options.image_size <= 8192, "image size ",
               options.image_size, " is not in [1, 8192]");
  // The first process of each host decodes. With a folder the others find the images there.
  const bool is_first = world().local_rank() == 0, has_folder = is_folder(options.cache);
  if (has_folder && !is_first) world().barrier();
  Preparation preparation(manifest, options);
  if (has_folder || is_first) preparation.run(progress);
  if (has_folder && is_first) world().barrier();
  if (!has_folder) preparation.share();
  return preparation.finish();
}

}  // namespace osteon
