// Compares the figures and decisions of two models.
#include "eval/comparison.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "eval/pairing.h"
#include "eval/prediction_table.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxMetricsBytes = 10'000'000;

double read_threshold(const fs::path& file) {
  const auto json = read_json(file, kMaxMetricsBytes);
  OSTEON_CHECK(json.is_object() && json.contains("threshold") && json["threshold"].is_number(),
               file.string(), ": not the metrics.json of an evaluation");
  return json["threshold"];
}

LabelledImages labelled(const std::vector<Prediction>& predictions) {
  return {origins_of(predictions),
          [&](std::size_t i) { return std::to_string(predictions[i].label); }};
}

LevelOfItems level_of(auto items, double threshold) {
  return [items = std::move(items), threshold](const GroupItems& group) {
    const std::vector<Outcome> outcomes = outcomes_of(items, group.positions);
    LevelToCompare level;
    level.figures = [ranked = RankedOutcomes(outcomes, group.patient_of, threshold)](auto counts) {
      return figure_values(ranked.metrics(counts));
    };
    level.is_right.emplace();
    for (const Outcome& outcome : outcomes)
      level.is_right->push_back((outcome.probability >= threshold) == (outcome.label == 1));
    return level;
  };
}

}  // namespace

McNemar mcnemar(std::int64_t only_first_right, std::int64_t only_second_right) {
  const std::int64_t n = only_first_right + only_second_right;
  const std::int64_t fewer = std::min(only_first_right, only_second_right);
  // 2 P(X <= fewer) for X ~ Binomial(n, 1/2). The largest term is added first.
  double sum = 0;
  const auto real = [](std::int64_t k) { return static_cast<double>(k); };
  for (std::int64_t k = fewer; k >= 0; --k)
    sum += std::exp(std::lgamma(real(n + 1)) - std::lgamma(real(k + 1)) -
                    std::lgamma(real(n - k + 1)) - real(n) * std::log(2.0));
  return {only_first_right, only_second_right, std::min(1.0, 2 * sum)};
}

ComparedLevel compare_levels(const LevelToCompare& first, const LevelToCompare& second,
                             std::size_t patients, const std::string& group,
                             const BootstrapOptions& bootstrap) {
  const std::vector<std::int64_t> once(patients, 1);
  ComparedLevel level{first.figures(once), second.figures(once), {}, {}};
  level.difference = bootstrap_intervals(
      level.first.size(), patients, group, bootstrap,
      [&](auto counts) { return difference_of(first.figures(counts), second.figures(counts)); });
  if (!first.is_right) return level;
  std::int64_t only_first = 0, only_second = 0;
  for (std::size_t i = 0; i < first.is_right->size(); ++i) {
    only_first += (*first.is_right)[i] && !(*second.is_right)[i];
    only_second += (*second.is_right)[i] && !(*first.is_right)[i];
  }
  level.decisions = mcnemar(only_first, only_second);
  return level;
}

Comparison compare_groups(const EvaluationGroups& groups, const LevelsToCompare& first,
                          const LevelsToCompare& second, const std::string& other,
                          const std::vector<std::string>& figures,
                          const BootstrapOptions& bootstrap) {
  const auto compared = [&](const LevelOfItems& a, const LevelOfItems& b) {
    return [&](const GroupItems& items) {
      return compare_levels(a(items), b(items), items.patients, items.name, bootstrap);
    };
  };
  EvaluatedGroups<ComparedLevel> levels = evaluate_groups<ComparedLevel>(
      groups, compared(first.images, second.images), compared(first.studies, second.studies));
  return {other, figures, std::move(levels.overall), std::move(levels.parts)};
}

Decisions read_decisions(const fs::path& folder) {
  const PredictionTable table(folder / "predictions.csv");
  const std::size_t label = table.require("label"), probability = table.require("probability");
  Decisions decisions;
  for (const CsvRow& row : table.rows())
    decisions.predictions.push_back(
        {table.origin(row), table.number<int>(row, label), table.number<double>(row, probability)});
  decisions.threshold = read_threshold(folder / "metrics.json");
  return decisions;
}

Comparison compare(const Decisions& first, const Decisions& second, const std::string& other,
                   const BootstrapOptions& bootstrap) {
  const std::vector<Prediction> here = sorted_by_name(first.predictions),
                                there = sorted_by_name(second.predictions);
  check_same_images(labelled(here), labelled(there), other);
  const ImageOrigins images = origins_of(here);
  const auto levels = [](const std::vector<Prediction>& each, double threshold) -> LevelsToCompare {
    return {level_of(each, threshold), level_of(aggregate_studies(each), threshold)};
  };
  return compare_groups(group_patients(group_studies(images), images),
                        levels(here, first.threshold), levels(there, second.threshold), other,
                        figure_names(), bootstrap);
}

}  // namespace osteon
