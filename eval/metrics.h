// Figures of a binary classifier, computed from its probabilities and the labels. All tables, logs
// and metrics.json use these definitions, which are scikit-learn's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace osteon {

// The label of one image or study, and the model's probability for it.
struct Outcome {
  int label = 0;           // 1 = positive (abnormal), 0 = negative
  double probability = 0;  // of the positive class, 0 to 1
};

// Decisions against labels; the decision is positive if probability >= threshold.
struct Confusion {
  std::int64_t tn = 0, fp = 0, fn = 0, tp = 0;
};

struct Interval {
  double low = 0, high = 0;
};

inline constexpr std::size_t kFigureCount = 10;

// A figure that is undefined for its inputs (no samples, one class only, 0/0) has no value.
struct Metrics {
  std::int64_t n = 0;
  std::int64_t positives = 0;
  // (tp + tn) / n
  std::optional<double> accuracy;
  // tp / (tp + fp)
  std::optional<double> precision;
  // tp / (tp + fn), also called sensitivity
  std::optional<double> recall;
  // tn / (tn + fp)
  std::optional<double> specificity;
  // 2 tp / (2 tp + fp + fn), the harmonic mean of precision and recall
  std::optional<double> f1;
  // P(a positive has a higher probability than a negative) + P(both are equal) / 2, over all pairs
  std::optional<double> auroc;
  // sum over distinct probabilities, from the highest to the lowest, of (increase in recall) x
  // precision at this probability; equal probabilities are one step and nothing is interpolated
  std::optional<double> average_precision;
  // Cohen's kappa: (agreement - chance) / (1 - chance), for decisions and labels
  std::optional<double> kappa;
  // mean (probability - label)^2
  std::optional<double> brier;
  // expected calibration error: sum over 15 (kCalibrationBins) bins of equal width of (share of
  // samples) x |mean probability - share of positives|. Bin b is ((b-1)/15, b/15]; the first one
  // includes 0. Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks",
  // ICML 2017, with the positive class's probability as the confidence.
  std::optional<double> ece;
  Confusion confusion;
  // 95 % intervals in the order of kFigures, from a bootstrap over patients (eval/bootstrap.h);
  // none if the figure or its interval is undefined, or without a bootstrap.
  std::vector<std::optional<Interval>> ci95 = std::vector<std::optional<Interval>>(kFigureCount);
};

inline constexpr int kCalibrationBins = 15;

struct Figure {
  const char* name;
  std::optional<double> Metrics::*value;
};

// Every figure, with the name and in the order of metrics.json.
inline constexpr std::array<Figure, kFigureCount> kFigures{{
    {"accuracy", &Metrics::accuracy},
    {"precision", &Metrics::precision},
    {"recall", &Metrics::recall},
    {"specificity", &Metrics::specificity},
    {"f1", &Metrics::f1},
    {"auroc", &Metrics::auroc},
    {"average_precision", &Metrics::average_precision},
    {"kappa", &Metrics::kappa},
    {"brier", &Metrics::brier},
    {"ece", &Metrics::ece},
}};

// The index of a figure in kFigures.
constexpr std::size_t figure_index(std::optional<double> Metrics::*value) {
  std::size_t index = 0;
  while (kFigures[index].value != value) ++index;
  return index;
}

// No value if the denominator is 0.
std::optional<double> ratio(double numerator, double denominator);

// The names of kFigures.
std::vector<std::string> figure_names();

// All figures of `outcomes`, which may have any order, in O(n log n). Throws Error for a label
// other than 0 and 1, and for a probability or threshold that is not a number from 0 to 1, naming
// the position of the outcome.
Metrics compute_metrics(std::span<const Outcome> outcomes, double threshold);

// Outcomes, sorted once, so that the figures of each resampling cost only one pass.
class RankedOutcomes {
 public:
  // Outcome i belongs to group groups[i]; the number of groups is the size of `counts` in
  // metrics(). Throws as compute_metrics does.
  RankedOutcomes(std::span<const Outcome> outcomes, std::span<const std::size_t> groups,
                 double threshold);

  // The figures if every outcome of group g counts counts[g] times.
  Metrics metrics(std::span<const std::int64_t> counts) const;

 private:
  struct Item {
    double probability;
    int label;
    bool decided;
    std::size_t bin, group;
  };
  std::vector<Item> items_;  // from the highest probability to the lowest
};

// One point of the operating curves: the numbers of positives and negatives at or above a
// threshold. There is one point per distinct probability, from the highest to the lowest.
struct OperatingPoint {
  double probability = 0;
  std::int64_t tp = 0, fp = 0;
};
std::vector<OperatingPoint> operating_points(std::span<const Outcome> outcomes);

// The bins of the expected calibration error, empty ones included, and the bin of a probability.
std::size_t calibration_bin(double probability);
struct CalibrationBin {
  std::int64_t n = 0, positives = 0;
  double probability_sum = 0;
};
std::array<CalibrationBin, kCalibrationBins> calibration_bins(std::span<const Outcome> outcomes);

}  // namespace osteon
