// The task of several labels at once, which do not exclude each other, for example the body parts
// in an image: one logit, one probability and one threshold per label. A label that is unknown for
// an image counts nowhere.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eval/comparison.h"
#include "eval/evaluated_groups.h"
#include "eval/label_metrics.h"
#include "eval/task.h"

namespace osteon {

inline constexpr Score kMultilabelScore{.key = "macro_auroc", .name = "macro AUROC", .chance = 0.5};

// The task of these labels.
std::unique_ptr<Task> make_multilabel_task(const std::vector<std::string>& labels);

// The model's prediction for one image.
struct LabelPrediction : ImageOrigin {
  std::vector<std::int8_t> labels;    // 0, 1 or kUnknown
  std::vector<double> probabilities;  // one per label
};

// See StudyImages.
struct LabelStudy {
  std::string study, patient, part;
  std::vector<std::int8_t> labels;    // of the images where it is known
  std::vector<double> probabilities;  // means over the images
  std::int64_t views = 0;             // number of images
};

// The studies of the predictions, sorted by study, patient and part; `names` are those of the
// labels. Throws Error naming the image for a probability that is not a number from 0 to 1, and
// naming the study and the label if the label is 0 and 1 in it.
std::vector<LabelStudy> aggregate_label_studies(const std::vector<LabelPrediction>& predictions,
                                                const std::vector<std::string>& names);

// The outcomes of the items (predictions or studies) at these positions.
LabelOutcomes label_outcomes(const auto& items, const std::vector<std::size_t>& positions,
                             std::size_t labels) {
  LabelOutcomes outcomes{labels, {}, {}};
  for (const std::size_t i : positions) {
    outcomes.truths.insert(outcomes.truths.end(), items[i].labels.begin(), items[i].labels.end());
    outcomes.probabilities.insert(outcomes.probabilities.end(), items[i].probabilities.begin(),
                                  items[i].probabilities.end());
  }
  return outcomes;
}

// The labels whose probability is at least their threshold.
std::vector<std::int8_t> decided_labels(std::span<const double> probabilities,
                                        std::span<const double> thresholds);
// The label whose probability is furthest above its threshold, or least below it.
std::size_t clearest_label(std::span<const double> probabilities,
                           std::span<const double> thresholds);

class MultilabelResult : public TaskResult {
 public:
  std::vector<std::string> labels;  // names
  std::vector<double> thresholds;   // one per label
  std::vector<LabelPrediction> predictions;
  EvaluatedGroups<LabelMetrics> evaluation;
  double temperature = 1;
  BootstrapOptions bootstrap;
  std::optional<Comparison> comparison;  // of kMacroFigures and the AUROC of each label

  std::vector<NamedFigure> figures() const override;
  void write(const std::filesystem::path& folder) const override;  // multilabel_results.cpp
  void print(std::ostream& out) const override;                    // multilabel_results.cpp
  void compare(const TaskResult& other, const std::string& name,
               const std::filesystem::path& folder) override;
  Facts facts() const override;
  TaskReport report(std::uint64_t seed) const override;  // report/multilabel.cpp
};

// Reads predictions.csv as MultilabelResult::write() wrote it. Throws Error naming the file, and
// the line if it is invalid.
std::vector<LabelPrediction> read_label_predictions(const std::filesystem::path& file,
                                                    const std::vector<std::string>& names);
// Reads the thresholds of these labels from metrics.json. Throws Error naming the file.
std::vector<double> read_label_thresholds(const std::filesystem::path& file,
                                          const std::vector<std::string>& names);

}  // namespace osteon
