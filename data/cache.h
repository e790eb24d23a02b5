// The data set as the model sees it: every readable image decoded and fitted to one size, as bytes,
// in memory, in a file, or made again each time.
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
  double max_bad = 0.01;         // share of unreadable images that is put up with
};

// Where the fitted images of a manifest are; safe to read from several threads.
class ImageStore {
 public:
  virtual ~ImageStore() = default;
  virtual std::int64_t image_size() const = 0;
  // Copies image `index` of the manifest, image_size^2 grey levels, to `to`. Throws Error naming
  // the path when it can no longer be read.
  virtual void read(std::int64_t index, std::uint8_t* to) const = 0;
};

struct UnreadableImage {
  std::string path, reason;
};

struct PreparedImages {
  Manifest manifest;  // without what could not be read
  std::vector<UnreadableImage> unreadable;
  std::unique_ptr<ImageStore> store;  // indices are those of the manifest above
  double mean = 0, std = 1;           // of the training split's grey levels / 255
};

// Decodes every image once: finds what cannot be read, fills the cache, and measures mean and
// standard deviation of the training split. The result does not depend on the number of workers.
// `progress` is called from this thread with the number of images done; what it throws ends the
// preparation.
//
// A folder keeps its images from run to run: what is there and made from an unchanged file (path,
// size, modification time) by the same decoder, at this image size and fit, is not decoded again.
// Nothing in it is ever changed, so several runs may share it; remove it to get the space back.
//
// Throws Error when more than max_bad of the images are unreadable (the first are named), when a
// split loses all its images, and when the folder cannot be written.
PreparedImages prepare_images(const Manifest& manifest, const CacheOptions& options,
                              const std::function<void(std::int64_t done)>& progress = {});

}  // namespace osteon
