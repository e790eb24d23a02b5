// Computes the figures of a classifier. AUROC is computed with integers, so that it is exact except
// for the rounding of one division.
#include "eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace osteon {
namespace {

double real(std::int64_t count) { return static_cast<double>(count); }

void check(std::span<const Outcome> outcomes, double threshold) {
  OSTEON_CHECK(threshold >= 0 && threshold <= 1, "metrics: threshold ", threshold,
               " is not a probability; give one from 0 to 1");
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    OSTEON_CHECK(outcomes[i].label == 0 || outcomes[i].label == 1, "metrics: label ",
                 outcomes[i].label, " of sample ", i, " is neither 0 nor 1");
    OSTEON_CHECK(outcomes[i].probability >= 0 && outcomes[i].probability <= 1,
                 "metrics: probability ", outcomes[i].probability, " of sample ", i,
                 " is not from 0 to 1");
  }
}

// Computes the figures that depend on the decisions only.
void score_decisions(Metrics& metrics) {
  const double tn = real(metrics.confusion.tn), fp = real(metrics.confusion.fp);
  const double fn = real(metrics.confusion.fn), tp = real(metrics.confusion.tp);
  metrics.accuracy = ratio(tp + tn, tn + fp + fn + tp);
  metrics.precision = ratio(tp, tp + fp);
  metrics.recall = ratio(tp, tp + fn);
  metrics.specificity = ratio(tn, tn + fp);
  metrics.f1 = ratio(2 * tp, 2 * tp + fp + fn);
  // (observed - chance) / (1 - chance), both sides multiplied by n^2.
  metrics.kappa = ratio(2 * (tp * tn - fn * fp), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn));
}

}  // namespace

std::optional<double> ratio(double numerator, double denominator) {
  if (denominator == 0) return std::nullopt;
  return numerator / denominator;
}

std::vector<std::string> figure_names() {
  std::vector<std::string> names;
  for (const Figure& figure : kFigures) names.emplace_back(figure.name);
  return names;
}

std::size_t calibration_bin(double probability) {
  std::size_t bin = 0;
  while (probability > static_cast<double>(bin + 1) / kCalibrationBins) ++bin;
  return bin;
}

RankedOutcomes::RankedOutcomes(std::span<const Outcome> outcomes,
                               std::span<const std::size_t> groups, double threshold) {
  check(outcomes, threshold);
  OSTEON_CHECK(groups.size() == outcomes.size(), "metrics: ", groups.size(), " groups for ",
               outcomes.size(), " outcomes");
  items_.reserve(outcomes.size());
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const double probability = outcomes[i].probability;
    items_.push_back({probability, outcomes[i].label, probability >= threshold,
                      calibration_bin(probability), groups[i]});
  }
  std::ranges::sort(items_, std::ranges::greater(), &Item::probability);
}

Metrics RankedOutcomes::metrics(std::span<const std::int64_t> counts) const {
  Metrics metrics;
  Confusion& confusion = metrics.confusion;
  std::int64_t positives_above = 0, negatives_above = 0, twice_ordered_pairs = 0;
  double precision_sum = 0, squares = 0;
  std::array<double, kCalibrationBins> excess{};  // sum of (probability - label) in each bin
  for (auto item = items_.begin(); item != items_.end();) {
    // Equal probabilities are one step; for AUROC that is the midrank.
    std::int64_t tied[2] = {0, 0};
    for (const double probability = item->probability;
         item != items_.end() && item->probability == probability; ++item) {
      const std::int64_t count = counts[item->group];
      const double difference = probability - item->label;
      tied[item->label] += count;
      squares += real(count) * difference * difference;
      excess[item->bin] += real(count) * difference;
      (item->label == 1 ? (item->decided ? confusion.tp : confusion.fn)
                        : (item->decided ? confusion.fp : confusion.tn)) += count;
    }
    // [exercise 10a]
    twice_ordered_pairs += tied[0] * (2 * positives_above + tied[1]);
    positives_above += tied[1];
    negatives_above += tied[0];
    if (tied[1] > 0)
      precision_sum +=
          real(tied[1]) * real(positives_above) / real(positives_above + negatives_above);
    // [exercise end]
  }
  metrics.n = positives_above + negatives_above;
  metrics.positives = positives_above;
  score_decisions(metrics);
  metrics.auroc =
      ratio(real(twice_ordered_pairs), 2 * real(positives_above) * real(negatives_above));
  metrics.average_precision = ratio(precision_sum, real(positives_above));
  metrics.brier = ratio(squares, real(metrics.n));
  double total = 0;
  for (const double bin : excess) total += std::abs(bin);
  metrics.ece = ratio(total, real(metrics.n));
  return metrics;
}

Metrics compute_metrics(std::span<const Outcome> outcomes, double threshold) {
  const std::vector<std::size_t> groups(outcomes.size(), 0);
  const std::int64_t once[] = {1};
  return RankedOutcomes(outcomes, groups, threshold).metrics(once);
}

std::vector<OperatingPoint> operating_points(std::span<const Outcome> outcomes) {
  std::vector<Outcome> sorted(outcomes.begin(), outcomes.end());
  std::ranges::sort(sorted, std::ranges::greater(), &Outcome::probability);
  std::vector<OperatingPoint> points;
  OperatingPoint point;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    point.probability = sorted[i].probability;
    ++(sorted[i].label == 1 ? point.tp : point.fp);
    if (i + 1 == sorted.size() || sorted[i + 1].probability != point.probability)
      points.push_back(point);
  }
  return points;
}

std::array<CalibrationBin, kCalibrationBins> calibration_bins(std::span<const Outcome> outcomes) {
  std::array<CalibrationBin, kCalibrationBins> bins{};
  for (const Outcome& outcome : outcomes) {
    CalibrationBin& bin = bins[calibration_bin(outcome.probability)];
    ++bin.n;
    bin.positives += outcome.label;
    bin.probability_sum += outcome.probability;
  }
  return bins;
}

}  // namespace osteon
