// The figures of predicted numbers.
#include "eval/number_metrics.h"

#include <cmath>

namespace osteon {

// Two passes, because sums of squares lose the digits of a small spread around a large mean.
FigureValues number_figures(std::span<const NumberOutcome> outcomes,
                            std::span<const std::size_t> group_of,
                            std::span<const std::int64_t> counts) {
  double n = 0, labels = 0, differences = 0, absolute = 0, squares = 0;
  const auto count_of = [&](std::size_t i) { return static_cast<double>(counts[group_of[i]]); };
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const double count = count_of(i), difference = outcomes[i].predicted - outcomes[i].label;
    n += count;
    labels += count * outcomes[i].label;
    differences += count * difference;
    absolute += count * std::abs(difference);
    squares += count * difference * difference;
  }
  if (n == 0) return FigureValues(kNumberFigures.size());
  const double mean_label = labels / n, bias = differences / n;
  double label_spread = 0, spread = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const double label = outcomes[i].label - mean_label;
    const double difference = outcomes[i].predicted - outcomes[i].label - bias;
    label_spread += count_of(i) * label * label;
    spread += count_of(i) * difference * difference;
  }
  FigureValues values{absolute / n, std::sqrt(squares / n), {}, bias, {}, {}};
  if (const auto share = ratio(squares, label_spread)) values[number_figure("r2")] = 1 - *share;
  if (const auto variance = ratio(spread, n - 1)) {
    const double width = 1.96 * std::sqrt(*variance);
    values[number_figure("limit_low")] = bias - width;
    values[number_figure("limit_high")] = bias + width;
  }
  return values;
}

NumberMetrics number_metrics(std::span<const NumberOutcome> outcomes,
                             std::span<const std::size_t> patient_of, std::size_t patients,
                             const std::string& group, const BootstrapOptions& bootstrap) {
  const auto figures = [&](std::span<const std::int64_t> counts) {
    return number_figures(outcomes, patient_of, counts);
  };
  return {std::ssize(outcomes), figures(std::vector<std::int64_t>(patients, 1)),
          bootstrap_intervals(kNumberFigures.size(), patients, group, bootstrap, figures)};
}

}  // namespace osteon
