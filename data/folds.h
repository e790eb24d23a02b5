// Cross-validation: the images of a data set in K folds of which each is the test split once. For
// small data sets, whose figures depend on the few images of one test split.
#pragma once

#include <cstdint>
#include <vector>

#include "base/progress.h"
#include "data/audit.h"
#include "data/manifest.h"

namespace osteon {

struct FoldOptions {
  std::int64_t folds = 0;  // K; 0: the splits of read_manifest
  std::int64_t fold = 0;   // 0 to K - 1: the test split
  bool operator==(const FoldOptions&) const = default;
};

// Throws UsageError unless folds is 0 or from 2 to 100, and fold is below it.
void check_folds(const FoldOptions& options);

// Sets the splits: the given fold is test; of the other images about val_fraction (negative: 0.15)
// is val, and the rest train. Classes have about their shares of the whole data set in every fold,
// in val and in train. Images of one patient stay together, and so do patients with images that
// show the same (`same`, from audit_data). The result depends on the names and labels of the
// images, `same` and `seed` only.
//
// Groups, the largest first and equal ones in a random order, go to the fold that then misses its
// shares of the classes least. Source: the greedy rule of scikit-learn's StratifiedGroupKFold, with
// squared shares of each class.
void assign_folds(Manifest& manifest, const FoldOptions& options, double val_fraction,
                  std::uint64_t seed, const std::vector<Duplicates>& same);

// The same after a search for images that show the same, with `workers` threads and a progress
// line. Does nothing for 0 folds. Throws UsageError if the data set defines its own splits.
void draw_folds(Manifest& manifest, const FoldOptions& options, double val_fraction,
                std::uint64_t seed, int workers, Progress& progress);

}  // namespace osteon
