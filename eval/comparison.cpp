// Pairs the predictions of two models by the names of the images.
#include "eval/comparison.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/csv_table.h"
#include "base/error.h"
#include "base/json.h"
#include "data/image_names.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxMetricsBytes = 10'000'000;

template <class Number>
Number parsed(const std::string& text, const std::string& place, const char* column) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  OSTEON_CHECK(error == std::errc() && stop == end, place, column, " '", text, "' is not a number");
  return value;
}

double read_threshold(const fs::path& file) {
  const auto json = read_json(file, kMaxMetricsBytes);
  OSTEON_CHECK(json.is_object() && json.contains("threshold") && json["threshold"].is_number(),
               file.string(), ": not the metrics.json of an evaluation");
  return json["threshold"];
}

// The predictions, with the names of their images (data/image_names.h) instead of the paths, and
// sorted by these names. A name does not depend on how the path is spelled.
std::vector<Prediction> by_name(std::vector<Prediction> predictions) {
  std::vector<fs::path> paths;
  for (const Prediction& image : predictions) paths.emplace_back(image.path);
  const std::vector<std::string> names = image_names(paths);
  for (std::size_t i = 0; i < names.size(); ++i) {
    Prediction& image = predictions[i];
    if (image.study == image.path) image.study = names[i];
    if (image.patient == image.path) image.patient = names[i];
    image.path = names[i];
  }
  std::ranges::sort(predictions, {}, &Prediction::path);
  return predictions;
}

void check_same(const std::vector<Prediction>& first, const std::vector<Prediction>& second,
                const std::string& other) {
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    const bool only_first =
        i == second.size() || (i < first.size() && first[i].path < second[i].path);
    OSTEON_CHECK(!only_first, other, ": has no prediction for ", first[i].path,
                 "; evaluate both models on the same images");
    OSTEON_CHECK(i < first.size() && first[i].path == second[i].path, other,
                 ": has a prediction for ", second[i].path,
                 ", which is not in this evaluation; evaluate both models on the same images");
    const Prediction &a = first[i], &b = second[i];
    OSTEON_CHECK(a.label == b.label, other, ": ", a.path, " has label ", b.label, " there but ",
                 a.label, " here");
    OSTEON_CHECK(a.study == b.study && a.patient == b.patient && a.part == b.part, other, ": ",
                 a.path, " belongs to another study, patient or part there");
  }
}

ComparedLevel compare_level(const CohortLevel& first, double first_threshold,
                            const CohortLevel& second, double second_threshold,
                            std::size_t patients, const std::string& name,
                            const BootstrapOptions& bootstrap) {
  const RankedOutcomes a(first.outcomes, first.patients, first_threshold);
  const RankedOutcomes b(second.outcomes, second.patients, second_threshold);
  const std::vector<std::int64_t> once(patients, 1);
  ComparedLevel level{figure_values(a.metrics(once)), figure_values(b.metrics(once)), {}, {}};
  level.difference = bootstrap_intervals(patients, name, bootstrap, [&](auto counts) {
    FigureValues difference = figure_values(a.metrics(counts));
    const FigureValues subtracted = figure_values(b.metrics(counts));
    for (std::size_t f = 0; f < kFigureCount; ++f)
      difference[f] = difference[f] && subtracted[f]
                          ? std::optional(*difference[f] - *subtracted[f])
                          : std::nullopt;
    return difference;
  });
  std::int64_t only_first = 0, only_second = 0;
  for (std::size_t i = 0; i < first.outcomes.size(); ++i) {
    const bool label = first.outcomes[i].label == 1;
    const bool first_right = (first.outcomes[i].probability >= first_threshold) == label;
    const bool second_right = (second.outcomes[i].probability >= second_threshold) == label;
    only_first += first_right && !second_right;
    only_second += second_right && !first_right;
  }
  level.decisions = mcnemar(only_first, only_second);
  return level;
}

ImageAndStudyComparison compare_cohort(const Cohort& a, double a_threshold, const Cohort& b,
                                       double b_threshold, const std::string& name,
                                       const BootstrapOptions& bootstrap) {
  return {compare_level(a.image, a_threshold, b.image, b_threshold, a.patients, name, bootstrap),
          compare_level(a.study, a_threshold, b.study, b_threshold, a.patients, name, bootstrap)};
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
    decisions.predictions.push_back(
        {row.fields[path], row.fields[study], row.fields[patient], row.fields[part],
         parsed<int>(row.fields[label], table.place(row), "label"),
         parsed<double>(row.fields[probability], table.place(row), "probability")});
  decisions.threshold = read_threshold(folder / "metrics.json");
  return decisions;
}

Comparison compare(const Decisions& first, const Decisions& second, const std::string& other,
                   const BootstrapOptions& bootstrap) {
  const std::vector<Prediction> here = by_name(first.predictions),
                                there = by_name(second.predictions);
  check_same(here, there, other);
  const Cohorts a = make_cohorts(here), b = make_cohorts(there);
  Comparison comparison{
      other,
      compare_cohort(a.overall, first.threshold, b.overall, second.threshold, "", bootstrap),
      {}};
  for (const auto& [part, cohort] : a.parts)
    comparison.parts.emplace(part, compare_cohort(cohort, first.threshold, b.parts.at(part),
                                                  second.threshold, part, bootstrap));
  return comparison;
}

}  // namespace osteon
