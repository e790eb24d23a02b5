// What is chosen on the validation split once a model is trained: the threshold of the decision and
// the temperature of the probabilities.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "eval/metrics.h"

namespace osteon {

enum class ThresholdRule {
  youden,  // the largest recall + specificity - 1
  f1,      // the largest F1
};

// "val" (Youden) or "val-f1"; none for another text.
std::optional<ThresholdRule> threshold_rule_from_name(const std::string& name);

// The threshold between two neighbouring probabilities (half-way) at which the rule's figure is
// largest; of equal ones the highest. Throws Error where outcomes are of one class only.
// Source: Youden, "Index for rating diagnostic tests", Cancer 3, 1950.
double choose_threshold(std::span<const Outcome> outcomes, ThresholdRule rule);

// The temperature T > 0 for which sigmoid(logit / T) has the smallest cross-entropy with the
// labels, within [1/kLargestTemperature, kLargestTemperature]: what separates both classes without
// an error, or not at all, has no finite optimum. It changes no ranking. Throws Error where there
// is one class only, or a logit is not finite. Source: Guo, Pleiss, Sun, Weinberger, "On
// Calibration of Modern Neural Networks", ICML 2017.
double fit_temperature(std::span<const double> logits, std::span<const int> labels);

inline constexpr double kLargestTemperature = 100;

// The number that --threshold (0 to 1) or --temperature (1/100 to 100) holds; none where it is to
// be found on validation (val or val-f1; val). Throws UsageError otherwise.
std::optional<double> parse_threshold(const std::string& value);
std::optional<double> parse_temperature(const std::string& value);

}  // namespace osteon
