// Figures of a classifier of several classes, computed from its probabilities and the labels. The
// decision is the most probable class, the first of equally probable ones. Definitions are
// scikit-learn's.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "eval/bootstrap.h"
#include "eval/metrics.h"

namespace osteon {

// Labels and probabilities of images or studies.
struct ClassOutcomes {
  std::size_t classes = 0;
  std::vector<std::size_t> labels;    // 0 to classes - 1
  std::vector<double> probabilities;  // [labels, classes], each from 0 to 1

  std::span<const double> row(std::size_t i) const {
    return std::span(probabilities).subspan(i * classes, classes);
  }
};

// The position of the largest probability, the first of equal ones.
std::size_t most_probable(std::span<const double> probabilities);

// Figures over all classes. Those with "balanced" or "macro" are means over the classes that have
// outcomes; a class without any has no figures.
//
//   accuracy            share of right decisions
//   balanced_accuracy   mean recall
//   macro_auroc         mean AUROC, each class against the rest
//   macro_f1            mean F1
//   kappa               Cohen's kappa: (agreement - chance) / (1 - chance)
//   log_loss            mean of -log(probability of the label), probabilities at least 2^-52
//   ece                 expected calibration error of the decided class's probability, in
//                       kCalibrationBins bins (eval/metrics.h)
//
// and if the classes are grades 0, 1, ...:
//
//   quadratic_kappa     1 - sum (label - decision)^2 / the same of independent labels and decisions
//   mae                 mean |label - decision|
inline constexpr std::array<const char*, 9> kOverallFigures{
    "accuracy", "balanced_accuracy", "macro_auroc", "macro_f1", "kappa", "log_loss",
    "ece",      "quadratic_kappa",   "mae"};
inline constexpr std::size_t kGradeFigures = 2;  // at the end
// Figures of each class against the rest: precision, recall and F1 of the decisions, and AUROC and
// average precision of its probability.
inline constexpr std::array<const char*, 5> kClassFigures{"precision", "recall", "f1", "auroc",
                                                          "average_precision"};

// Positions in ClassMetrics::values: the overall figures, then those of each class.
constexpr std::size_t overall_figure(std::string_view name) {
  std::size_t index = 0;
  while (name != kOverallFigures[index]) ++index;
  return index;
}
constexpr std::size_t class_figure(std::size_t of_class, std::string_view name) {
  std::size_t index = 0;
  while (name != kClassFigures[index]) ++index;
  return kOverallFigures.size() + of_class * kClassFigures.size() + index;
}

struct ClassMetrics {
  std::int64_t n = 0;
  std::vector<std::int64_t> confusion;  // [label, decision]
  FigureValues values;                  // no value if undefined
  FigureIntervals ci95;                 // from a bootstrap over patients; none without one

  std::int64_t support(std::size_t label) const;  // outcomes with this label
  std::size_t classes() const;
  std::int64_t count(std::size_t label, std::size_t decision) const {
    return confusion[label * classes() + decision];
  }
};

// Outcomes, sorted once for each class, so that the figures of each resampling cost one pass per
// class.
class RankedClassOutcomes {
 public:
  // Outcome i belongs to group groups[i]. Throws Error for a probability that is not a number from
  // 0 to 1.
  RankedClassOutcomes(const ClassOutcomes& outcomes, std::span<const std::size_t> groups);

  // The figures, without intervals, if every outcome of group g counts counts[g] times.
  ClassMetrics metrics(std::span<const std::int64_t> counts) const;

 private:
  struct Item {
    std::size_t label, decision, group, bin;
    double probability, loss;  // of the decision; -log of the label's probability
  };
  std::size_t classes_;
  std::vector<Item> items_;
  std::vector<RankedOutcomes> against_rest_;  // one per class
};

// The figures with intervals.
ClassMetrics class_metrics(const ClassOutcomes& outcomes, std::span<const std::size_t> patients_of,
                           std::size_t patients, const std::string& group,
                           const BootstrapOptions& bootstrap);

// The decided classes' probabilities, and whether they were right (label 1): for diagrams of
// calibration.
std::vector<Outcome> top_outcomes(const ClassOutcomes& outcomes);
// The probabilities of one class, with label 1 where it is the label.
std::vector<Outcome> outcomes_against_rest(const ClassOutcomes& outcomes, std::size_t of_class);

}  // namespace osteon
