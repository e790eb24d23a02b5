// The figures of a cross-validation: the test predictions of all folds together.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/progress.h"
#include "eval/task.h"

namespace osteon {

struct PoolOptions {
  BootstrapOptions bootstrap{.draws = 1000};
  std::filesystem::path compare{};  // folder of another evaluation of the same images; empty: none
};

// Joins the predictions.csv of runs of train_mura --folds, each of another fold, computes every
// figure over all images, and writes metrics.json, predictions.csv, studies.csv, report.html
// (without radiographs, because each has its own model) and, for a comparison, comparison.json into
// the folder `out`. A warning names folds that are missing. Throws Error naming the runs if their
// tasks or classes differ or if an image is in two of them.
std::unique_ptr<TaskResult> pool_folds(const std::vector<std::filesystem::path>& runs,
                                       const PoolOptions& options, const std::filesystem::path& out,
                                       Progress& progress);

}  // namespace osteon
