// From trained models and a split to the files and the table of an evaluation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/progress.h"
#include "data/cache.h"
#include "eval/calibration.h"
#include "eval/comparison.h"
#include "eval/inference.h"
#include "eval/model_file.h"
#include "eval/predictions.h"

namespace osteon {

// What the report says of an evaluation beside its figures.
struct ReportOptions {
  std::string split{"test"};
  std::string precision{"fp32"};
  std::vector<std::filesystem::path> checkpoints{};  // as they were named
  std::filesystem::path audit{};                     // JSON file of audit_data; empty: none
};

struct EvaluationOptions {
  InferenceOptions inference;
  bool flip = false;  // average each image and its mirror image
  BootstrapOptions bootstrap{.draws = 1000};
  std::filesystem::path compare{};  // folder of another evaluation of the same images; empty: none
  ReportOptions report{};
};

struct EvaluationResult {
  Evaluation evaluation;
  std::optional<Comparison> comparison;
};

// Throws UsageError unless all models take images of one size and fit and tell the same two classes
// apart.
void check_together(std::span<const TrainedModel> models);

// Throws UsageError where the data's classes (negative, positive) are not those the model was
// trained for. Classes of other names pass when the user has told which one is positive; the same
// two exchanged never do.
void check_classes(const ModelInfo& model, const std::vector<std::string>& classes,
                   bool positive_is_told);

// What the models say of the samples `indices`: the mean of their probabilities, as the ensemble of
// Rajpurkar et al., "MURA", MIDL 2018; options.flip takes each model's over the image and its
// mirror image.
std::vector<Prediction> predict_samples(std::span<const TrainedModel> models,
                                        const PreparedImages& data,
                                        const std::vector<std::int64_t>& indices,
                                        const EvaluationOptions& options, Progress& progress);

// Sets the temperature of a model to the one that fits its validation images best.
void fit_temperature(TrainedModel& trained, const PreparedImages& data,
                     const std::vector<std::int64_t>& validation,
                     const InferenceOptions& inference);

// The number an option holds, or for "checkpoint" what the models have stored (the mean of
// several). Throws UsageError for anything else.
double threshold_of(std::span<const TrainedModel> models, const std::string& option);

// The threshold that a rule chooses on the studies of validation.
double choose_threshold(const std::vector<Prediction>& validation, ThresholdRule rule);

// Runs the models over samples `indices`, computes every figure at the threshold, and writes
// metrics.json, predictions.csv, studies.csv, report.html and, for a comparison, comparison.json
// into `out`, which is created. Throws Error for no samples, a probability that is not a number
// (the image named) or a file that cannot be written.
EvaluationResult evaluate_models(std::span<const TrainedModel> models, double threshold,
                                 const PreparedImages& data,
                                 const std::vector<std::int64_t>& indices,
                                 const EvaluationOptions& options, const std::filesystem::path& out,
                                 Progress& progress);

}  // namespace osteon
