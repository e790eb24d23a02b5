// Figures of predicted numbers, for example the bone age in months. Definitions are scikit-learn's;
// the limits of agreement are those of Bland, Altman, "Statistical methods for assessing agreement
// between two methods of clinical measurement", Lancet 327, 1986.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "eval/bootstrap.h"

namespace osteon {

// The label of an image or a study, and the predicted number.
struct NumberOutcome {
  double label = 0, predicted = 0;
};

// With d = predicted - label:
//
//   mae          mean |d|
//   rmse         sqrt(mean d^2)
//   r2           1 - sum d^2 / sum (label - mean label)^2
//   bias         mean d
//   limit_low    bias - 1.96 s, s the standard deviation of d (divided by n - 1): between the
//   limit_high   bias + 1.96 s  limits lie 95 % of the differences, if they are normal
//
// All but r2 are in the label's unit. r2 needs two different labels, the limits two outcomes.
inline constexpr std::array<const char*, 6> kNumberFigures{"mae",  "rmse",      "r2",
                                                           "bias", "limit_low", "limit_high"};

constexpr std::size_t number_figure(std::string_view name) {
  std::size_t index = 0;
  while (name != kNumberFigures[index]) ++index;
  return index;
}

struct NumberMetrics {
  std::int64_t n = 0;
  FigureValues values;   // in the order of kNumberFigures; no value if undefined
  FigureIntervals ci95;  // from a bootstrap over patients; none without one
};

// The figures if every outcome of group g counts counts[g] times; outcome i belongs to group
// group_of[i].
FigureValues number_figures(std::span<const NumberOutcome> outcomes,
                            std::span<const std::size_t> group_of,
                            std::span<const std::int64_t> counts);

// The figures with intervals.
NumberMetrics number_metrics(std::span<const NumberOutcome> outcomes,
                             std::span<const std::size_t> patient_of, std::size_t patients,
                             const std::string& group, const BootstrapOptions& bootstrap);

}  // namespace osteon
