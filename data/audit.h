// Audit of a data set before training: sizes, grey levels, unreadable files and duplicate images.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/cache.h"
#include "data/manifest.h"

namespace osteon {

// Minimum, median and maximum of a number over all images.
struct Spread {
  double lowest = 0, median = 0, highest = 0;
};

// Samples (indices into the manifest) that show the same image.
struct Duplicates {
  std::vector<std::int64_t> samples;  // ascending
  double correlation = 1;             // of the images; 1 if the files are identical
};

struct DataAudit {
  std::int64_t readable = 0;
  std::vector<UnreadableImage> unreadable;
  std::vector<WarnedImage> warned;
  Spread width, height;           // pixels
  Spread grey;                    // mean grey level of an image, 0 to 255
  Spread contrast;                // standard deviation of its grey levels
  std::vector<Duplicates> exact;  // groups of identical files
  std::vector<Duplicates> near;   // pairs that look the same but are not identical files
  std::vector<std::string> patients_in_two_splits;
};

// Decodes every image in `workers` threads. Two images look the same if both hold: their difference
// hashes (17 x 16 pixels, each compared with its left neighbour: 256 bits) differ in at most
// kNearBits, and their thumbnails of 32 x 32 pixels correlate with at least kNearCorrelation.
// Both hold for scaled, compressed or re-encoded copies, but not for other views of the same bone.
// The result does not depend on the number of workers. `progress` is called from this thread with
// the number of images done.
DataAudit audit_data(const Manifest& manifest, int workers,
                     const std::function<void(std::int64_t done)>& progress = {});

constexpr int kNearBits = 20;
constexpr double kNearCorrelation = 0.99;

}  // namespace osteon
