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

// The contents of the report other than the figures.
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

// Throws UsageError unless all models have the same image size, fit, task and classes.
void check_together(std::span<const TrainedModel> models);

// The ModelInfo of the mean of several models: that of the first one, with the mean of their
// thresholds.
ModelInfo decision_of(std::span<const TrainedModel> models);

// The predictions for the samples `indices`: the mean over the models, as in the ensemble of
// Rajpurkar et al., "MURA", MIDL 2018. With options.flip each model's prediction is the mean over
// the image and its mirror image.
ImageValues predict_samples(std::span<const TrainedModel> models, const PreparedImages& data,
                            const std::vector<std::int64_t>& indices,
                            const EvaluationOptions& options, Progress& progress);

// Sets the temperature of a model to the number in the text `temperature`, or (val) to the best one
// for its validation images.
void set_temperature(TrainedModel& trained, const std::string& temperature,
                     const PreparedImages& data, const std::vector<std::int64_t>& validation,
                     const InferenceOptions& inference);

// Runs the models over the samples `indices`, computes every figure with the threshold of `info`,
// and writes metrics.json, predictions.csv, studies.csv, report.html and, for a comparison,
// comparison.json into the folder `out`, which is created if necessary. Of several processes only
// the first one does so; the others help to run the models and get null. Throws Error if `indices`
// is empty, if a prediction is not a number (naming the image), or if a file cannot be written.
std::unique_ptr<TaskResult> evaluate_models(std::span<const TrainedModel> models,
                                            const ModelInfo& info, const PreparedImages& data,
                                            const std::vector<std::int64_t>& indices,
                                            const EvaluationOptions& options,
                                            const std::filesystem::path& out, Progress& progress);

}  // namespace osteon
