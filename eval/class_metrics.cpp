// Computes the figures of several classes: those of decisions from the confusion matrix, those of
// ranking by RankedOutcomes, one class against the rest.
#include "eval/class_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace osteon {
namespace {

double real(std::int64_t count) { return static_cast<double>(count); }

// Adds up defined values.
class Mean {
 public:
  void add(const std::optional<double>& value) {
    if (!value) return;
    sum_ += *value;
    ++count_;
  }
  std::optional<double> value() const { return ratio(sum_, real(count_)); }

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

// (agreement - chance) / (1 - chance), both sides multiplied by n^2.
std::optional<double> kappa(const ClassMetrics& metrics) {
  const std::size_t classes = metrics.classes();
  double agreed = 0, chance = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    std::int64_t decided = 0;
    for (std::size_t label = 0; label < classes; ++label) decided += metrics.count(label, k);
    agreed += real(metrics.count(k, k));
    chance += real(metrics.support(k)) * real(decided);
  }
  const double n = real(metrics.n);
  return ratio(n * agreed - chance, n * n - chance);
}

// The sums of both over all pairs of a label and a decision, the second one multiplied by n.
std::optional<double> quadratic_kappa(const ClassMetrics& metrics) {
  const std::size_t classes = metrics.classes();
  std::vector<double> labelled;
  for (std::size_t label = 0; label < classes; ++label)
    labelled.push_back(real(metrics.support(label)));
  double observed = 0, chance = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    std::int64_t decided = 0;
    for (std::size_t label = 0; label < classes; ++label) decided += metrics.count(label, k);
    for (std::size_t label = 0; label < classes; ++label) {
      const double distance = static_cast<double>(label) - static_cast<double>(k);
      observed += distance * distance * real(metrics.count(label, k));
      chance += distance * distance * labelled[label] * real(decided);
    }
  }
  const std::optional<double> share = ratio(real(metrics.n) * observed, chance);
  return share ? std::optional(1 - *share) : std::nullopt;
}

std::optional<double> mean_grade_error(const ClassMetrics& metrics) {
  double sum = 0;
  for (std::size_t label = 0; label < metrics.classes(); ++label)
    for (std::size_t k = 0; k < metrics.classes(); ++k)
      sum += std::abs(static_cast<double>(label) - static_cast<double>(k)) *
             real(metrics.count(label, k));
  return ratio(sum, real(metrics.n));
}

}  // namespace

std::size_t most_probable(std::span<const double> probabilities) {
  return static_cast<std::size_t>(std::ranges::max_element(probabilities) - probabilities.begin());
}

std::size_t ClassMetrics::classes() const {
  return (values.size() - kOverallFigures.size()) / kClassFigures.size();
}

std::int64_t ClassMetrics::support(std::size_t label) const {
  std::int64_t sum = 0;
  for (std::size_t k = 0; k < classes(); ++k) sum += count(label, k);
  return sum;
}

std::vector<Outcome> outcomes_against_rest(const ClassOutcomes& outcomes, std::size_t of_class) {
  std::vector<Outcome> against;
  for (std::size_t i = 0; i < outcomes.labels.size(); ++i)
    against.push_back({outcomes.labels[i] == of_class ? 1 : 0, outcomes.row(i)[of_class]});
  return against;
}

std::vector<Outcome> top_outcomes(const ClassOutcomes& outcomes) {
  std::vector<Outcome> top;
  for (std::size_t i = 0; i < outcomes.labels.size(); ++i) {
    const std::size_t decision = most_probable(outcomes.row(i));
    top.push_back({outcomes.labels[i] == decision ? 1 : 0, outcomes.row(i)[decision]});
  }
  return top;
}

RankedClassOutcomes::RankedClassOutcomes(const ClassOutcomes& outcomes,
                                         std::span<const std::size_t> groups)
    : classes_(outcomes.classes) {
  for (std::size_t k = 0; k < classes_; ++k)
    against_rest_.emplace_back(outcomes_against_rest(outcomes, k), groups, /*threshold=*/0.5);
  for (std::size_t i = 0; i < outcomes.labels.size(); ++i) {
    const auto probabilities = outcomes.row(i);
    const std::size_t label = outcomes.labels[i], decision = most_probable(probabilities);
    const double least = std::numeric_limits<double>::epsilon();
    items_.push_back({label, decision, groups[i], calibration_bin(probabilities[decision]),
                      probabilities[decision], -std::log(std::max(probabilities[label], least))});
  }
}

ClassMetrics RankedClassOutcomes::metrics(std::span<const std::int64_t> counts) const {
  ClassMetrics metrics;
  metrics.confusion.resize(classes_ * classes_);
  metrics.values.resize(kOverallFigures.size() + classes_ * kClassFigures.size());
  metrics.ci95.resize(metrics.values.size());
  double loss = 0, miscalibration = 0;
  std::array<double, kCalibrationBins> excess{};  // sum of (probability - is right) in each bin
  for (const Item& item : items_) {
    const std::int64_t count = counts[item.group];
    metrics.n += count;
    metrics.confusion[item.label * classes_ + item.decision] += count;
    loss += real(count) * item.loss;
    excess[item.bin] += real(count) * (item.probability - (item.label == item.decision ? 1 : 0));
  }
  for (const double bin : excess) miscalibration += std::abs(bin);
  std::int64_t right = 0;
  Mean recall, f1, auroc;
  for (std::size_t k = 0; k < classes_; ++k) {
    const std::int64_t hits = metrics.count(k, k), support = metrics.support(k);
    right += hits;
    if (support == 0) continue;
    std::int64_t decided = 0;
    for (std::size_t label = 0; label < classes_; ++label) decided += metrics.count(label, k);
    const Metrics ranking = against_rest_[k].metrics(counts);
    const auto set = [&](const char* name, const std::optional<double>& value) {
      return metrics.values[class_figure(k, name)] = value;
    };
    set("precision", ratio(real(hits), real(decided)));
    recall.add(set("recall", ratio(real(hits), real(support))));
    f1.add(set("f1", ratio(2 * real(hits), real(decided + support))));
    auroc.add(set("auroc", ranking.auroc));
    set("average_precision", ranking.average_precision);
  }
  const auto set = [&](const char* name, const std::optional<double>& value) {
    metrics.values[overall_figure(name)] = value;
  };
  set("accuracy", ratio(real(right), real(metrics.n)));
  set("balanced_accuracy", recall.value());
  set("macro_auroc", auroc.value());
  set("macro_f1", f1.value());
  set("kappa", kappa(metrics));
  set("log_loss", ratio(loss, real(metrics.n)));
  set("ece", ratio(miscalibration, real(metrics.n)));
  set("quadratic_kappa", quadratic_kappa(metrics));
  set("mae", mean_grade_error(metrics));
  return metrics;
}

ClassMetrics class_metrics(const ClassOutcomes& outcomes, std::span<const std::size_t> patients_of,
                           std::size_t patients, const std::string& group,
                           const BootstrapOptions& bootstrap) {
  const RankedClassOutcomes ranked(outcomes, patients_of);
  ClassMetrics metrics = ranked.metrics(std::vector<std::int64_t>(patients, 1));
  metrics.ci95 = bootstrap_intervals(metrics.values.size(), patients, group, bootstrap,
                                     [&](auto counts) { return ranked.metrics(counts).values; });
  metrics.ci95[overall_figure("ece")].reset();  // see bootstrap.h
  return metrics;
}

}  // namespace osteon
