// Compares the figures and decisions of two models.
#include "eval/comparison.h"

#include <algorithm>
#include <cmath>

#include "base/csv_table.h"
#include "base/error.h"
#include "base/json.h"
#include "eval/pairing.h"

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

LevelToCompare level_of(const CohortLevel& level, double threshold) {
  LevelToCompare result;
  result.figures = [ranked = RankedOutcomes(level.outcomes, level.patients, threshold)](
                       auto counts) { return figure_values(ranked.metrics(counts)); };
  for (const Outcome& outcome : level.outcomes)
    result.is_right.push_back((outcome.probability >= threshold) == (outcome.label == 1));
  return result;
}

ImageAndStudyComparison compare_cohort(const Cohort& a, double a_threshold, const Cohort& b,
                                       double b_threshold, const std::string& name,
                                       const BootstrapOptions& bootstrap) {
  const auto compared = [&](const CohortLevel& first, const CohortLevel& second) {
    return compare_levels(level_of(first, a_threshold), level_of(second, b_threshold), a.patients,
                          name, bootstrap);
  };
  return {compared(a.image, b.image), compared(a.study, b.study)};
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
  std::int64_t only_first = 0, only_second = 0;
  for (std::size_t i = 0; i < first.is_right.size(); ++i) {
    only_first += first.is_right[i] && !second.is_right[i];
    only_second += second.is_right[i] && !first.is_right[i];
  }
  level.decisions = mcnemar(only_first, only_second);
  return level;
}

Decisions read_decisions(const fs::path& folder) {
  const fs::path file = folder / "predictions.csv";
  OSTEON_CHECK(fs::is_regular_file(file), folder.string(),
               ": contains no predictions.csv; give the folder of an evaluation (eval_mura --out)");
  const CsvTable table(file);
  const std::size_t path = table.require("path"), study = table.require("study"),
                    patient = table.require("patient"), part = table.require("part"),
                    label = table.require("label"), probability = table.require("probability");
  Decisions decisions;
  for (const CsvRow& row : table.rows())
    decisions.predictions.push_back({row.fields[path], row.fields[study], row.fields[patient],
                                     row.fields[part], table.number<int>(row, label),
                                     table.number<double>(row, probability)});
  decisions.threshold = read_threshold(folder / "metrics.json");
  return decisions;
}

Comparison compare(const Decisions& first, const Decisions& second, const std::string& other,
                   const BootstrapOptions& bootstrap) {
  const std::vector<Prediction> here = sorted_by_name(first.predictions),
                                there = sorted_by_name(second.predictions);
  check_same_images(labelled(here), labelled(there), other);
  const Cohorts a = make_cohorts(here), b = make_cohorts(there);
  Comparison comparison{
      other,
      figure_names(),
      compare_cohort(a.overall, first.threshold, b.overall, second.threshold, "", bootstrap),
      {}};
  for (const auto& [part, cohort] : a.parts)
    comparison.parts.emplace(part, compare_cohort(cohort, first.threshold, b.parts.at(part),
                                                  second.threshold, part, bootstrap));
  return comparison;
}

}  // namespace osteon
