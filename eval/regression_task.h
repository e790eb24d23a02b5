// The task of a number, for example the bone age in months: one output, in units of the training
// labels' standard deviation from their mean, and the smooth L1 loss.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eval/comparison.h"
#include "eval/evaluated_groups.h"
#include "eval/number_metrics.h"
#include "eval/task.h"

namespace osteon {

inline constexpr Score kRegressionScore{
    .key = "mae", .name = "mean absolute error", .chance = {}, .higher_is_better = false};

// The task of {the number's name}. Throws UsageError for more than one name.
std::unique_ptr<Task> make_regression_task(const std::vector<std::string>& names);

// The model's prediction for one image.
struct NumberPrediction : ImageOrigin {
  double label = 0, predicted = 0;
};

// See StudyImages; the prediction is the mean over the images.
struct NumberStudy {
  std::string study, patient, part;
  double label = 0, predicted = 0;
  std::int64_t views = 0;  // number of images
};

// The studies of the predictions, sorted by study, patient and part. Throws Error naming the image
// for a prediction that is not finite, and naming the study for different labels in it.
std::vector<NumberStudy> aggregate_number_studies(const std::vector<NumberPrediction>& predictions);

class RegressionResult : public TaskResult {
 public:
  std::string number;  // its name
  std::vector<NumberPrediction> predictions;
  EvaluatedGroups<NumberMetrics> evaluation;
  BootstrapOptions bootstrap;
  std::optional<Comparison> comparison;

  std::vector<NamedFigure> figures() const override;
  void write(const std::filesystem::path& folder) const override;  // regression_results.cpp
  void print(std::ostream& out) const override;                    // regression_results.cpp
  void compare(const TaskResult& other, const std::string& name,
               const std::filesystem::path& folder) override;
  Facts facts() const override;
  TaskReport report(std::uint64_t seed) const override;  // report/regression.cpp
};

// Reads predictions.csv as RegressionResult::write() wrote it. Throws Error naming the file, and
// the line if it is invalid.
std::vector<NumberPrediction> read_number_predictions(const std::filesystem::path& file);

}  // namespace osteon
