// Chooses a threshold and a temperature.
#include "eval/calibration.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "ops/functors.h"

namespace osteon {
namespace {

// The value of a rule. tp and fp are the numbers of positives and negatives at or above the
// threshold.
double score(ThresholdRule rule, double positives, double negatives, double tp, double fp) {
  if (rule == ThresholdRule::youden) return tp / positives - fp / negatives;
  return 2 * tp / (tp + fp + positives);
}

std::optional<double> number_or_word(const char* option, const std::string& value, double low,
                                     double high, const std::vector<std::string>& words) {
  if (std::ranges::find(words, value) != words.end()) return std::nullopt;
  double number = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stop != end || !(number >= low && number <= high))
    throw UsageError(format("--", option, " '", value, "': expected a number from ", low, " to ",
                            high, ", or ", join(words)));
  return number;
}

}  // namespace

std::optional<double> parse_threshold(const std::string& value) {
  return number_or_word("threshold", value, 0, 1, {"val", "val-f1"});
}

std::optional<double> parse_temperature(const std::string& value) {
  return number_or_word("temperature", value, 1 / kMaxTemperature, kMaxTemperature, {"val"});
}

std::optional<ThresholdRule> threshold_rule_from_name(const std::string& name) {
  if (name == "val") return ThresholdRule::youden;
  if (name == "val-f1") return ThresholdRule::f1;
  return std::nullopt;
}

double choose_threshold(std::span<const Outcome> outcomes, ThresholdRule rule) {
  const std::vector<OperatingPoint> points = operating_points(outcomes);
  OSTEON_CHECK(!points.empty() && points.back().tp > 0 && points.back().fp > 0,
               "threshold: the validation split has samples of one class only; give a number "
               "instead");
  const auto positives = static_cast<double>(points.back().tp);
  const auto negatives = static_cast<double>(points.back().fp);
  std::size_t best = 0;
  double best_score = -1;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double now = score(rule, positives, negatives, static_cast<double>(points[i].tp),
                             static_cast<double>(points[i].fp));
    if (now > best_score) {
      best = i;
      best_score = now;
    }
  }
  const double below = best + 1 < points.size() ? points[best + 1].probability : 0;
  return (points[best].probability + below) / 2;
}

double fit_temperature(std::span<const double> logits, std::span<const int> labels) {
  OSTEON_CHECK(logits.size() == labels.size(), "temperature: ", logits.size(), " logits but ",
               labels.size(), " labels");
  std::size_t positives = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    OSTEON_CHECK(std::isfinite(logits[i]), "temperature: logit ", logits[i], " of sample ", i,
                 " is not finite");
    positives += labels[i] == 1;
  }
  OSTEON_CHECK(positives > 0 && positives < labels.size(),
               "temperature: the validation split has samples of one class only; give a number "
               "instead");
  // The derivative of the cross-entropy with respect to 1/T increases with 1/T, so its zero is
  // found by bisection.
  double low = 1 / kMaxTemperature, high = kMaxTemperature;
  while (true) {
    const double middle = (low + high) / 2;
    if (middle <= low || middle >= high) return 1 / middle;
    double derivative = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      derivative += (functors::Sigmoid{}(middle * logits[i]) - labels[i]) * logits[i];
    (derivative > 0 ? high : low) = middle;
  }
}

}  // namespace osteon
