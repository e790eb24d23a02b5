// The values that are chosen on the validation split after training: the threshold of the decision
// and the temperature of the probabilities.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "eval/metrics.h"
#include "eval/task.h"

namespace osteon {

enum class ThresholdRule {
  youden,  // the largest recall + specificity - 1
  f1,      // the largest F1
};

// "val" (Youden) or "val-f1"; nullopt for any other text.
std::optional<ThresholdRule> threshold_rule_from_name(const std::string& name);

// The threshold at which the rule has its largest value; the highest one if several are equally
// good. It is half-way between two neighbouring probabilities. Throws Error if all outcomes are of
// one class.
// Source: Youden, "Index for rating diagnostic tests", Cancer 3, 1950.
double choose_threshold(std::span<const Outcome> outcomes, ThresholdRule rule);

// The temperature T > 0 for which sigmoid(logit / T) has the smallest cross-entropy with the
// labels. The result is limited to [1/kMaxTemperature, kMaxTemperature], because logits that
// separate the classes perfectly, or not at all, have no finite optimum. A temperature does not
// change the order of the logits.
// Throws Error if all labels are of one class or a logit is not finite. Source: Guo, Pleiss, Sun,
// Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
double fit_temperature(std::span<const double> logits, std::span<const int> labels);

// The same for softmax(logits / T) over several classes; one row of logits per label.
double fit_class_temperature(const ImageValues& logits, std::span<const std::size_t> labels);

inline constexpr double kMaxTemperature = 100;

// The number given by --threshold (0 to 1) or --temperature (1/100 to 100); nullopt if it is to be
// chosen on the validation split: val or val-f1 for the threshold, val for the temperature. Throws
// UsageError for another text.
std::optional<double> parse_threshold(const std::string& value);
std::optional<double> parse_temperature(const std::string& value);

}  // namespace osteon
