// From a trained model and a split to the files and the table of an evaluation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/cache.h"
#include "train/inference.h"
#include "train/model_file.h"
#include "train/predictions.h"
#include "train/progress.h"

namespace osteon {

// Runs the model over samples `indices`, computes every figure at the model's threshold, and writes
// metrics.json, predictions.csv and studies.csv into `out`, which is created. Throws Error for no
// samples, a probability that is not a number (the image named) or a file that cannot be written.
Evaluation evaluate_model(const TrainedModel& trained, const PreparedImages& data,
                          const std::vector<std::int64_t>& indices,
                          const InferenceOptions& inference, const std::filesystem::path& out,
                          Progress& progress);

}  // namespace osteon
