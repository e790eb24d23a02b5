// Evaluates trained models on a split: writes the files and prints the table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/progress.h"
#include "data/cache.h"
#include "eval/inference.h"
#include "eval/model_file.h"
#include "eval/task.h"

namespace osteon {

// The contents of the report beside the figures.
struct ReportOptions {
  std::string split{"test"};
  std::string precision{"fp32"};
  std::vector<std::filesystem::path> checkpoints{};  // as given by the user
  std::filesystem::path audit{};                     // JSON file of audit_data; empty: none
};

struct EvaluationOptions {
  InferenceOptions inference;
  bool flip = false;  // average each image and its mirror image
  BootstrapOptions bootstrap{.draws = 1000};
  std::filesystem::path compare{};  // folder of another evaluation of the same images; empty: none
  ReportOptions report{};
};

// Throws UsageError unless all models take images of one size and fit, and have one task and the
// same classes.
void check_together(std::span<const TrainedModel> models);

// The ModelInfo of several models together: the first one's, with the mean of their thresholds.
ModelInfo decision_of(std::span<const TrainedModel> models);

// The predictions for the samples `indices`: the mean over the models, as the ensemble of Rajpurkar
// et al., "MURA", MIDL 2018. With options.flip each model's prediction is the mean over the image
// and its mirror image.
ImageValues predict_samples(std::span<const TrainedModel> models, const PreparedImages& data,
                            const std::vector<std::int64_t>& indices,
                            const EvaluationOptions& options, Progress& progress);

// Sets the temperature of a model to a number, or to the best one for its validation images.
void set_temperature(TrainedModel& trained, const std::string& temperature,
                     const PreparedImages& data, const std::vector<std::int64_t>& validation,
                     const InferenceOptions& inference);

// Runs the models over the samples `indices`, computes every figure with the decisions of `info`,
// and writes metrics.json, predictions.csv, studies.csv, report.html and, for a comparison,
// comparison.json into `out`, which is created. Throws Error for an empty `indices`, a prediction
// that is not a number (naming the image) or a file that cannot be written.
std::unique_ptr<TaskResult> evaluate_models(std::span<const TrainedModel> models,
                                            const ModelInfo& info, const PreparedImages& data,
                                            const std::vector<std::int64_t>& indices,
                                            const EvaluationOptions& options,
                                            const std::filesystem::path& out, Progress& progress);

}  // namespace osteon
