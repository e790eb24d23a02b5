// Figures of a classifier of several labels at once, each of them a question of its own (yes or
// no), and their means over the labels. Definitions are scikit-learn's.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "eval/bootstrap.h"
#include "eval/metrics.h"

namespace osteon {

// Labels and probabilities of images or studies, [n, labels].
struct LabelOutcomes {
  std::size_t labels = 0;
  std::vector<std::int8_t> truths;    // 0, 1 or kUnknown, which no figure counts
  std::vector<double> probabilities;  // from 0 to 1

  std::size_t size() const { return truths.size() / labels; }
};

// Means over the labels that have both answers: of AUROC and of average precision.
inline constexpr std::array<const char*, 2> kMacroFigures{"macro_auroc", "macro_average_precision"};

// Positions in LabelMetrics::values: kMacroFigures, then for each label kFigures (eval/metrics.h).
constexpr std::size_t label_figure(std::size_t label, std::size_t figure) {
  return kMacroFigures.size() + label * kFigureCount + figure;
}

struct LabelMetrics {
  std::int64_t n = 0;           // outcomes, also those of unknown labels
  std::vector<Metrics> labels;  // their counts; without intervals
  FigureValues values;          // no value if undefined
  FigureIntervals ci95;         // from a bootstrap over patients; none without one
};

// The outcomes of one label where it is known.
std::vector<Outcome> outcomes_of_label(const LabelOutcomes& outcomes, std::size_t label);

// Outcomes, sorted once for each label.
class RankedLabelOutcomes {
 public:
  // Outcome i belongs to group groups[i]; label k is decided by thresholds[k]. Throws Error for a
  // probability that is not a number from 0 to 1.
  RankedLabelOutcomes(const LabelOutcomes& outcomes, std::span<const std::size_t> groups,
                      std::span<const double> thresholds);

  // The figures, without intervals, if every outcome of group g counts counts[g] times.
  LabelMetrics metrics(std::span<const std::int64_t> counts) const;

 private:
  std::vector<std::size_t> groups_;
  std::vector<RankedOutcomes> ranked_;  // one per label
};

// The figures with intervals.
LabelMetrics label_metrics(const LabelOutcomes& outcomes, std::span<const std::size_t> patient_of,
                           std::size_t patients, std::span<const double> thresholds,
                           const std::string& group, const BootstrapOptions& bootstrap);

}  // namespace osteon
