// The figures of a classifier. Ranks are counted in integers, so that AUROC is exact up to its last
// division.
#include "train/metrics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/error.h"

namespace osteon {
namespace {

double real(std::int64_t count) { return static_cast<double>(count); }

std::optional<double> ratio(double numerator, double denominator) {
  if (denominator == 0) return std::nullopt;
  return numerator / denominator;
}

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

Confusion count_decisions(std::span<const Outcome> outcomes, double threshold) {
  Confusion counts;
  for (const Outcome& outcome : outcomes) {
    const bool decided = outcome.probability >= threshold;
    ++(outcome.label == 1 ? (decided ? counts.tp : counts.fn) : (decided ? counts.fp : counts.tn));
  }
  return counts;
}

// Fills in the figures that depend on the decisions alone.
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

// Fills in the figures that depend on the order of the probabilities alone, taking samples of equal
// probability as one step: for AUROC that is the midrank.
void score_ranking(std::span<const Outcome> outcomes, Metrics& metrics) {
  std::vector<Outcome> sorted(outcomes.begin(), outcomes.end());
  std::ranges::sort(sorted, std::ranges::greater(), &Outcome::probability);
  const std::int64_t positives = metrics.positives, negatives = metrics.n - positives;
  std::int64_t positives_above = 0, negatives_above = 0;
  std::int64_t twice_ordered_pairs = 0;
  double precision_sum = 0;
  for (auto group = sorted.begin(); group != sorted.end();) {
    std::int64_t count[2] = {0, 0};
    const double probability = group->probability;
    for (; group != sorted.end() && group->probability == probability; ++group)
      ++count[group->label];
    twice_ordered_pairs += count[0] * (2 * positives_above + count[1]);
    positives_above += count[1];
    negatives_above += count[0];
    precision_sum +=
        real(count[1]) * real(positives_above) / real(positives_above + negatives_above);
  }
  metrics.auroc = ratio(real(twice_ordered_pairs), 2 * real(positives) * real(negatives));
  metrics.average_precision = ratio(precision_sum, real(positives));
}

int calibration_bin(double probability) {
  int bin = 0;
  while (probability > real(bin + 1) / kCalibrationBins) ++bin;
  return bin;
}

// Fills in the figures that take a probability at its word.
void score_calibration(std::span<const Outcome> outcomes, Metrics& metrics) {
  double squares = 0;
  std::array<double, kCalibrationBins> excess{};  // sum of (probability - label) in each bin
  for (const Outcome& outcome : outcomes) {
    const double difference = outcome.probability - outcome.label;
    squares += difference * difference;
    excess[static_cast<std::size_t>(calibration_bin(outcome.probability))] += difference;
  }
  double total = 0;
  for (const double bin : excess) total += std::abs(bin);
  metrics.brier = ratio(squares, real(metrics.n));
  metrics.ece = ratio(total, real(metrics.n));
}

}  // namespace

Metrics compute_metrics(std::span<const Outcome> outcomes, double threshold) {
  check(outcomes, threshold);
  Metrics metrics;
  metrics.confusion = count_decisions(outcomes, threshold);
  metrics.n = static_cast<std::int64_t>(outcomes.size());
  metrics.positives = metrics.confusion.fn + metrics.confusion.tp;
  score_decisions(metrics);
  score_ranking(outcomes, metrics);
  score_calibration(outcomes, metrics);
  return metrics;
}

}  // namespace osteon
