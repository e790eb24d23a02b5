// Figures of made-up predictions: AUROC by its definition and by sorting, what accuracy hides, and
// calibration before and after a temperature.
#include <cmath>
#include <cstdio>

#include "base/random.h"
#include "eval/calibration.h"

using namespace osteon;

namespace {

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

void rank_statistic() {
  const std::vector<Outcome> studies{{1, 0.95}, {1, 0.81}, {0, 0.70}, {1, 0.50}, {0, 0.50},
                                     {0, 0.41}, {0, 0.35}, {1, 0.30}, {0, 0.21}, {0, 0.15}};
  double ordered = 0, pairs = 0;
  for (const Outcome& p : studies)
    for (const Outcome& n : studies)
      if (p.label == 1 && n.label == 0) {
        ordered += p.probability > n.probability ? 1 : p.probability == n.probability ? 0.5 : 0;
        ++pairs;
      }
  for (const OperatingPoint& point : operating_points(studies))
    std::printf("threshold %.2f  tp %d  fp %d\n", point.probability, static_cast<int>(point.tp),
                static_cast<int>(point.fp));
  const Metrics m = compute_metrics(studies, 0.5);
  std::printf("pairs %.1f / %.0f = %.4f, by sorting %.4f\n", ordered, pairs, ordered / pairs,
              *m.auroc);
  std::printf("accuracy %.3f  precision %.3f  recall %.3f  specificity %.3f  f1 %.3f  kappa %.3f\n",
              *m.accuracy, *m.precision, *m.recall, *m.specificity, *m.f1, *m.kappa);
  std::vector<Outcome> rare(95, {0, 0.1});  // 5 of 100 are positive; the decision is negative
  rare.resize(100, {1, 0.1});
  const Metrics always = compute_metrics(rare, 0.5);
  std::printf("always negative: accuracy %.2f  recall %.2f  kappa %.2f  auroc %.2f\n",
              *always.accuracy, *always.recall, *always.kappa, *always.auroc);
}

// A model whose logits are 2.5 times too large.
void calibration() {
  RandomStream random(11);
  std::vector<double> logits;
  std::vector<int> labels;
  for (int i = 0; i < 4000; ++i) {
    const double right = 1.5 * random.normal();
    logits.push_back(2.5 * right);
    labels.push_back(random.uniform() < sigmoid(right) ? 1 : 0);
  }
  const auto loss = [&](double b) {
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      sum -= std::log(sigmoid((labels[i] == 1 ? b : -b) * logits[i]));
    return sum;
  };
  double largest = 0;
  for (const double b : {0.2, 0.4, 1.0}) {
    double derivative = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      derivative += (sigmoid(b * logits[i]) - labels[i]) * logits[i];
    const double central = (loss(b + 1e-4) - loss(b - 1e-4)) / 2e-4;
    largest = std::max(largest, std::abs(central / derivative - 1));
  }
  std::printf("derivative: largest relative difference %s 1e-5\n", largest < 1e-5 ? "<" : ">");
  for (const double temperature : {1.0, fit_temperature(logits, labels)}) {
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < logits.size(); ++i)
      outcomes.push_back({labels[i], sigmoid(logits[i] / temperature)});
    const Metrics m = compute_metrics(outcomes, 0.5);
    std::printf("temperature %.2f  loss %.3f  ece %.3f  auroc %.3f\n", temperature,
                loss(1 / temperature) / 4000, *m.ece, *m.auroc);
    for (const CalibrationBin& bin : calibration_bins(outcomes))
      std::printf("  %4d %.3f %.3f\n", static_cast<int>(bin.n),
                  bin.probability_sum / static_cast<double>(bin.n),
                  static_cast<double>(bin.positives) / static_cast<double>(bin.n));
  }
}

}  // namespace

int main() {
  rank_statistic();
  calibration();
}
