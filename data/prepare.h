// The data of a run: manifest, prepared images, splits and their entries in config.json.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/progress.h"
#include "data/cache.h"
#include "data/manifest.h"

namespace osteon {

// Keeps at most `limit` images of each split, a seeded choice; 0 keeps all.
void limit_splits(Manifest& manifest, std::int64_t limit, std::uint64_t seed);

// prepare_images with a progress line; prints the images that were left out, those that were read
// with a warning, and why.
PreparedImages prepare_with_progress(const Manifest& manifest, const CacheOptions& options,
                                     Progress& progress);

// {"train": {"images", "abnormal", "studies", "patients"}, "val": {...}, "test": {...}}; with
// several classes, instead of "abnormal" the counts of all under class_count_key().
std::string class_count_key(const std::string& name);
nlohmann::ordered_json split_counts(const Manifest& manifest);

}  // namespace osteon
