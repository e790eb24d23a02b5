// The figures of several labels, from those of each.
#include "eval/label_metrics.h"

#include "data/manifest.h"

namespace osteon {
namespace {

// The mean of a figure over the labels of which AUROC is defined: those with both answers.
std::optional<double> mean_of(const std::vector<Metrics>& labels,
                              std::optional<double> Metrics::*figure) {
  double sum = 0;
  std::int64_t count = 0;
  for (const Metrics& label : labels)
    if (label.auroc) {
      sum += *(label.*figure);
      ++count;
    }
  return ratio(sum, static_cast<double>(count));
}

}  // namespace

std::vector<Outcome> outcomes_of_label(const LabelOutcomes& outcomes, std::size_t label) {
  std::vector<Outcome> known;
  for (std::size_t at = label; at < outcomes.truths.size(); at += outcomes.labels)
    if (outcomes.truths[at] != kUnknown)
      known.push_back({outcomes.truths[at], outcomes.probabilities[at]});
  return known;
}

RankedLabelOutcomes::RankedLabelOutcomes(const LabelOutcomes& outcomes,
                                         std::span<const std::size_t> groups,
                                         std::span<const double> thresholds)
    : groups_(groups.begin(), groups.end()) {
  for (std::size_t k = 0; k < outcomes.labels; ++k) {
    std::vector<std::size_t> known;
    for (std::size_t i = 0; i < outcomes.size(); ++i)
      if (outcomes.truths[i * outcomes.labels + k] != kUnknown) known.push_back(groups[i]);
    ranked_.emplace_back(outcomes_of_label(outcomes, k), known, thresholds[k]);
  }
}

LabelMetrics RankedLabelOutcomes::metrics(std::span<const std::int64_t> counts) const {
  LabelMetrics metrics;
  for (const std::size_t group : groups_) metrics.n += counts[group];
  for (const RankedOutcomes& ranked : ranked_) metrics.labels.push_back(ranked.metrics(counts));
  metrics.values = {mean_of(metrics.labels, &Metrics::auroc),
                    mean_of(metrics.labels, &Metrics::average_precision)};
  for (const Metrics& label : metrics.labels)
    for (const std::optional<double>& value : figure_values(label)) metrics.values.push_back(value);
  metrics.ci95.resize(metrics.values.size());
  return metrics;
}

LabelMetrics label_metrics(const LabelOutcomes& outcomes, std::span<const std::size_t> patient_of,
                           std::size_t patients, std::span<const double> thresholds,
                           const std::string& group, const BootstrapOptions& bootstrap) {
  const RankedLabelOutcomes ranked(outcomes, patient_of, thresholds);
  LabelMetrics metrics = ranked.metrics(std::vector<std::int64_t>(patients, 1));
  metrics.ci95 = bootstrap_intervals(metrics.values.size(), patients, group, bootstrap,
                                     [&](auto counts) { return ranked.metrics(counts).values; });
  for (std::size_t k = 0; k < outcomes.labels; ++k)  // see bootstrap.h
    metrics.ci95[label_figure(k, figure_index(&Metrics::ece))].reset();
  return metrics;
}

}  // namespace osteon
