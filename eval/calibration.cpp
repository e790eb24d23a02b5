// Chooses a threshold and a temperature.
#include "eval/calibration.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

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

// The temperature at which the derivative of the cross-entropy with respect to 1/T is 0. It
// increases with 1/T, so bisection finds its zero.
double temperature_of(const std::function<double(double inverse)>& derivative) {
  double low = 1 / kMaxTemperature, high = kMaxTemperature;
  while (true) {
    const double middle = (low + high) / 2;
    if (middle <= low || middle >= high) return 1 / middle;
    (derivative(middle) > 0 ? high : low) = middle;
  }
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
  return temperature_of([&](double inverse) {
    double derivative = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      derivative += (functors::Sigmoid{}(inverse * logits[i]) - labels[i]) * logits[i];
    return derivative;
  });
}

// d/db [log sum_k exp(b z_k) - b z_label] = sum_k p_k z_k - z_label
double fit_class_temperature(const ImageValues& logits, std::span<const std::size_t> labels) {
  OSTEON_CHECK(logits.rows() == labels.size(), "temperature: ", logits.rows(),
               " rows of logits but ", labels.size(), " labels");
  for (const double logit : logits.values)
    OSTEON_CHECK(std::isfinite(logit), "temperature: a logit is not finite");
  OSTEON_CHECK(std::ranges::any_of(labels, [&](std::size_t label) { return label != labels[0]; }),
               "temperature: the validation split has samples of one class only; give a number "
               "instead");
  return temperature_of([&](double inverse) {
    double derivative = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      // [exercise 10b]
      const std::span<const double> row = logits.row(i);
      const double largest = std::ranges::max(row);
      double sum = 0, mean = 0;
      for (const double logit : row) {
        const double weight = std::exp(inverse * (logit - largest));
        sum += weight;
        mean += weight * logit;
      }
      derivative += mean / sum - row[labels[i]];
      // [exercise end]
    }
    return derivative;
  });
}

}  // namespace osteon
