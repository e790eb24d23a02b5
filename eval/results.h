// The results of an evaluation: metrics.json, predictions.csv and studies.csv in the run's folder,
// and a table on the terminal. Files are written atomically (base/file.h): if writing fails, Error
// names the file, and an older file is unchanged.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/comparison.h"
#include "eval/predictions.h"

namespace osteon {

// The value, or [low, high]; null if there is none.
nlohmann::ordered_json json_of(const std::optional<double>& value);
nlohmann::ordered_json json_of(const std::optional<Interval>& interval);

// Adds the figures from values[first] on under these names, and their intervals under "ci95".
void add_figures(nlohmann::ordered_json& json, std::span<const char* const> names,
                 const FigureValues& values, const FigureIntervals& ci95, std::size_t first = 0);

// Adds "parts": {PART: {"image": M, "study": M}}, and the same of "sets" if data sets were joined;
// M is to_json(figures of an image or a study).
template <class Metrics>
void add_groups(nlohmann::ordered_json& json, const EvaluatedGroups<Metrics>& evaluation,
                const auto& to_json) {
  using Json = nlohmann::ordered_json;
  const auto add = [&](const char* key, const auto& groups) {
    json[key] = Json::object();
    for (const auto& [name, metrics] : groups) json[key][name] = to_json(metrics);
  };
  add("parts", evaluation.parts);
  if (!evaluation.sets.empty()) add("sets", evaluation.sets);
}

// Writes {"threshold", "trained_on", "image": M, "study": M} and the members of add_groups(). M
// contains n, positives, every figure of kFigures (null if undefined), "confusion": {tn,
// fp, fn, tp}, and "ci95": {FIGURE: [low, high]} for the figures that have an interval.
// `trained_on` is TaskResult::trained_on, null if unknown. Numbers read back as the same doubles.
void write_metrics_json(const std::filesystem::path& path, const Evaluation& evaluation,
                        std::optional<std::int64_t> trained_on);

// Writes {"other", "image": C, "study": C, "parts": {PART: {"image": C, "study": C}}}. C contains
// for each of its figures {"first", "second", "difference", "ci95": [low, high]}, with null for
// undefined values, and, if there are decisions, "mcnemar": {"only_first_right",
// "only_second_right", "p_value"}.
void write_comparison_json(const std::filesystem::path& path, const Comparison& comparison);

// Writes the columns path,study,patient,part,label,probability: one row per image, in the given
// order. Probabilities read back as the same doubles.
void write_predictions_csv(const std::filesystem::path& path,
                           const std::vector<Prediction>& predictions);

// Writes the columns study,part,label,probability,views: one row per study, in the given order.
void write_studies_csv(const std::filesystem::path& path, const std::vector<Study>& studies);

// Prints one row for all images, one for all studies, and two for each part; `-` marks undefined
// figures. Then prints the intervals for all images and all studies, if there are any, and the two
// confusion matrices.
void print_table(std::ostream& out, const Evaluation& evaluation);

// Prints the figures from values[0] on with their intervals per image and per study, if there are
// any.
void print_intervals(std::ostream& out, std::span<const char* const> names,
                     const FigureValues& image, const FigureIntervals& image_ci95,
                     const FigureValues& study, const FigureIntervals& study_ci95);

// Prints how many of the evaluated images were used for training, if any were (TaskResult).
void print_trained_on(std::ostream& out, std::optional<std::int64_t> trained_on,
                      std::size_t images);

// Prints the differences over all images and all studies with their intervals, and McNemar's test.
void print_comparison(std::ostream& out, const Comparison& comparison);

}  // namespace osteon
