// The data set at the model's input size: every readable image, decoded and fitted. The images are
// kept in memory or in files, or they are decoded again at each read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "data/manifest.h"

namespace osteon {

struct CacheOptions {
  std::int64_t image_size = 224;
  Fit fit = Fit::stretch;
  std::string cache = "memory";  // none, memory, or a folder
  int workers = 2;               // threads that decode
  double max_bad = 0.01;         // tolerated share of unreadable images
};

// The fitted images of a manifest; safe to read from several threads.
class ImageStore {
 public:
  virtual ~ImageStore() = default;
  virtual std::int64_t image_size() const = 0;
  // Copies image `index` of the manifest, image_size^2 grey levels, to `to`. Throws Error naming
  // the path if it can no longer be read.
  virtual void read(std::int64_t index, std::uint8_t* to) const = 0;
};

struct UnreadableImage {
  std::string path, reason;
};

// An image whose file has a fault that does not prevent reading it.
struct WarnedImage {
  std::string path, warning;
};

struct PreparedImages {
  Manifest manifest;                   // without the unreadable images
  std::vector<std::uint64_t> digests;  // fast_checksum() of each sample's file
  std::vector<UnreadableImage> unreadable;
  std::vector<WarnedImage> warned;    // only of images that were decoded, not found in a folder
  std::unique_ptr<ImageStore> store;  // indices are those of `manifest`
  double mean = 0, std = 1;           // of the training split's grey levels / 255
};

// Decodes every image once: finds unreadable images, fills the cache, and measures mean and
// standard deviation of the training split. The result does not depend on the number of workers.
// `progress` is called from this thread with the number of images done; an exception from it stops
// the preparation.
//
// With a folder, later runs use its images again. An image is not decoded again if the folder
// contains it for the same file (path, size, modification time), decoder version, image size and
// fit. Files in the folder never change, so several runs may share it. Remove the folder to free
// the space.
//
// Of several processes on a host the first one decodes, with as many workers as all of them have,
// and they share the memory.
//
// Throws Error if a larger share than max_bad of the images is unreadable (naming the first ones),
// if no image of a split is readable, or if the folder cannot be written.
PreparedImages prepare_images(const Manifest& manifest, const CacheOptions& options,
                              const std::function<void(std::int64_t done)>& progress = {});

}  // namespace osteon
