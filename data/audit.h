// A look at a data set before anything is trained on it: sizes, grey levels, what cannot be read,
// and pictures that are there twice.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/cache.h"
#include "data/manifest.h"

namespace osteon {

// Smallest, middle and largest of a number that every image has.
struct Spread {
  double lowest = 0, median = 0, highest = 0;
};

// Samples (indices of the manifest) that show the same picture.
struct Duplicates {
  std::vector<std::int64_t> samples;  // ascending
  double correlation = 1;             // of the pictures; 1 where the files are the same bytes
};

struct DataAudit {
  std::int64_t readable = 0;
  std::vector<UnreadableImage> unreadable;
  Spread width, height;           // pixels
  Spread grey;                    // mean grey level of an image, 0 to 255
  Spread contrast;                // standard deviation of its grey levels
  std::vector<Duplicates> exact;  // groups of files with the same bytes
  std::vector<Duplicates> near;   // pairs that look the same but are not the same file
  std::vector<std::string> patients_in_two_splits;
};

// Decodes every image in `workers` threads. Two pictures look the same when their difference hashes
// (17 x 16 pixels, whether each is brighter than its left neighbour: 256 bits) differ in at most
// kNearBits and their thumbnails of 32 x 32 pixels correlate with at least kNearCorrelation: copies
// that were scaled, compressed or re-encoded do, other views of the same bone do not. The result
// does not depend on the number of workers. `progress` is called from this thread with the images
// done.
DataAudit audit_data(const Manifest& manifest, int workers,
                     const std::function<void(std::int64_t done)>& progress = {});

constexpr int kNearBits = 20;
constexpr double kNearCorrelation = 0.99;

}  // namespace osteon
