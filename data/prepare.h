// The data of a run: manifest, prepared images, splits and what config.json says of them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/progress.h"
#include "data/cache.h"
#include "data/manifest.h"

namespace osteon {

// At most `limit` images of each split, a seeded choice; 0 keeps all.
void limit_splits(Manifest& manifest, std::int64_t limit, std::uint64_t seed);

// prepare_images with a progress line; says on the terminal what was left out and why.
PreparedImages prepare_with_progress(const Manifest& manifest, const CacheOptions& options,
                                     Progress& progress);

// {"train": {"images", "abnormal", "studies", "patients"}, "val": {...}, "test": {...}}
nlohmann::ordered_json split_counts(const Manifest& manifest);

}  // namespace osteon
