// The data of a run: prepared images, the samples of each split, and their weights in the loss.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/progress.h"
#include "data/cache.h"
#include "eval/task.h"
#include "train/options.h"

namespace osteon {

struct TrainingData {
  std::unique_ptr<Task> task;
  PreparedImages images;
  std::vector<std::int64_t> train, val;  // samples of the manifest
  std::vector<double> weights;           // in the loss, one per sample of the manifest

  Samples samples(const std::vector<std::int64_t>& indices) const {
    return {images.manifest, indices};
  }
  // The digests of the files of the training split.
  std::vector<std::uint64_t> train_digests() const;
};

// Reads the data set that the options name and decodes its images. Throws UsageError or Error if it
// is not suitable for training.
TrainingData load_training_data(const TrainOptions& options, Progress& progress);

}  // namespace osteon
