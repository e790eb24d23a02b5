// The results of an evaluation: metrics.json, predictions.csv and studies.csv in the run's folder,
// and a table on the terminal. Files are written atomically (base/file.h): if writing fails, Error
// names the file, and an older file is unchanged.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "eval/comparison.h"
#include "eval/predictions.h"

namespace osteon {

// The shortest text that reads back as the same double, whatever the locale.
std::string exact_text(double value);

// {"threshold", "trained_on", "image": M, "study": M, "parts": {PART: {"image": M, "study": M}}}
// where M holds n, positives, every figure of kFigures (null if undefined), "confusion": {tn, fp,
// fn, tp} and "ci95": {FIGURE: [low, high]} of those that have an interval. `trained_on` is that of
// TaskResult, null if unknown. Numbers read back as the same doubles.
void write_metrics_json(const std::filesystem::path& path, const Evaluation& evaluation,
                        std::optional<std::int64_t> trained_on);

// {"other", "image": C, "study": C, "parts": {PART: {"image": C, "study": C}}} where C holds, for
// each figure of kFigures, {"first", "second", "difference", "ci95": [low, high]}, null if
// undefined, and "mcnemar": {"only_first_right", "only_second_right", "p_value"}.
void write_comparison_json(const std::filesystem::path& path, const Comparison& comparison);

// path,study,patient,part,label,probability: one row per image, in the given order. Probabilities
// read back as the same doubles.
void write_predictions_csv(const std::filesystem::path& path,
                           const std::vector<Prediction>& predictions);

// study,part,label,probability,views: one row per study, in the given order.
void write_studies_csv(const std::filesystem::path& path, const std::vector<Study>& studies);

// One row each for all images, all studies, and those of each part, `-` for undefined figures; then
// the intervals of all images and all studies, if any, and the two confusion matrices.
void print_table(std::ostream& out, const Evaluation& evaluation);

// The differences over all images and all studies with their intervals, and McNemar's test.
void print_comparison(std::ostream& out, const Comparison& comparison);

}  // namespace osteon
