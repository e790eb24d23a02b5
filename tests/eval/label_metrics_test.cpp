// Figures of several labels and of numbers against scikit-learn's (tests/golden/label_metrics.json,
// written by scripts/golden/label_metrics.py).
#include "eval/label_metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "data/manifest.h"
#include "eval/number_metrics.h"
#include "tests/support/message_of.h"

using namespace osteon;
using nlohmann::json;

namespace {

constexpr double kTolerance = 1e-9;

const json& golden() {
  static const json data = json::parse(std::ifstream(OSTEON_TEST_DATA "/label_metrics.json"));
  return data;
}

void check_figure(const std::optional<double>& value, const json& expected,
                  const std::string& name) {
  CAPTURE(name);
  REQUIRE(value.has_value() == expected.contains(name));
  if (value)
    CHECK(std::abs(*value - expected[name].get<double>()) <=
          kTolerance * std::max(1.0, std::abs(*value)));
}

// Each outcome is a group of its own.
std::vector<std::size_t> own_groups(std::size_t count) {
  std::vector<std::size_t> groups(count);
  std::iota(groups.begin(), groups.end(), std::size_t{0});
  return groups;
}

}  // namespace

TEST_CASE("figures of several labels agree with scikit-learn's") {
  REQUIRE(golden().at("labels").size() >= 7);
  for (const json& row : golden().at("labels")) {
    CAPTURE(row.at("name"));
    LabelOutcomes outcomes{row.at("truths").at(0).size(), {}, {}};
    for (const json& truths : row.at("truths"))
      for (const json& truth : truths) outcomes.truths.push_back(truth);
    for (const json& probabilities : row.at("probabilities"))
      for (const json& probability : probabilities) outcomes.probabilities.push_back(probability);
    const auto thresholds = row.at("thresholds").get<std::vector<double>>();
    const LabelMetrics metrics =
        RankedLabelOutcomes(outcomes, own_groups(outcomes.size()), thresholds)
            .metrics(row.at("counts").get<std::vector<std::int64_t>>());
    const json& expected = row.at("expected");
    CHECK(metrics.n == expected.at("n"));
    for (std::size_t f = 0; f < kMacroFigures.size(); ++f)
      check_figure(metrics.values[f], expected.at("overall"), kMacroFigures[f]);
    for (std::size_t k = 0; k < outcomes.labels; ++k) {
      CAPTURE(k);
      const json& of_label = expected.at("labels").at(k);
      CHECK(metrics.labels[k].n == of_label.at("n"));
      CHECK(metrics.labels[k].positives == of_label.at("positives"));
      for (const char* name :
           {"accuracy", "precision", "recall", "specificity", "f1", "auroc", "average_precision"})
        for (std::size_t f = 0; f < kFigureCount; ++f)
          if (std::string(kFigures[f].name) == name)
            check_figure(metrics.values[label_figure(k, f)], of_label, name);
    }
  }
}

TEST_CASE("intervals of labels, but not of calibration errors") {
  LabelOutcomes outcomes{2, {}, {}};
  for (int i = 0; i < 30; ++i) {
    outcomes.truths.insert(outcomes.truths.end(), {static_cast<std::int8_t>(i % 2),
                                                   i % 3 == 0 ? kUnknown : std::int8_t{1}});
    outcomes.probabilities.insert(outcomes.probabilities.end(), {(i % 7) / 7.0, 0.5});
  }
  const LabelMetrics metrics = label_metrics(outcomes, own_groups(30), 30,
                                             std::vector<double>{0.5, 0.5}, "", {.draws = 100});
  CHECK(metrics.ci95[0].has_value());
  CHECK(metrics.ci95[label_figure(0, figure_index(&Metrics::auroc))].has_value());
  CHECK_FALSE(metrics.ci95[label_figure(0, figure_index(&Metrics::ece))].has_value());
  CHECK_FALSE(metrics.ci95[label_figure(1, figure_index(&Metrics::auroc))].has_value());
  CHECK(metrics.labels[1].n == 20);
  outcomes.probabilities[0] = 1.5;
  CHECK(
      contains(message_of([&] {
                 label_metrics(outcomes, own_groups(30), 30, std::vector<double>{0.5, 0.5}, "", {});
               }),
               "probability 1.5"));
}

TEST_CASE("figures of numbers agree with scikit-learn's, limits of agreement with numpy's") {
  REQUIRE(golden().at("numbers").size() >= 8);
  for (const json& row : golden().at("numbers")) {
    CAPTURE(row.at("name"));
    std::vector<NumberOutcome> outcomes;
    for (std::size_t i = 0; i < row.at("labels").size(); ++i)
      outcomes.push_back({row.at("labels").at(i), row.at("predicted").at(i)});
    const FigureValues values = number_figures(outcomes, own_groups(outcomes.size()),
                                               row.at("counts").get<std::vector<std::int64_t>>());
    for (std::size_t f = 0; f < kNumberFigures.size(); ++f)
      check_figure(values[f], row.at("expected"), kNumberFigures[f]);
  }
}

// Bland and Altman's example, worked by hand: differences -2, 0, 2, 4 with the mean 1 and the
// variance (9 + 1 + 1 + 9) / 3.
TEST_CASE("limits of agreement of four differences") {
  const std::vector<NumberOutcome> outcomes{{10, 8}, {20, 20}, {30, 32}, {40, 44}};
  const NumberMetrics metrics = number_metrics(outcomes, own_groups(4), 4, "", {.draws = 200});
  CHECK(*metrics.values[number_figure("bias")] == 1);
  CHECK(*metrics.values[number_figure("limit_low")] ==
        doctest::Approx(1 - 1.96 * std::sqrt(20.0 / 3)));
  CHECK(*metrics.values[number_figure("limit_high")] ==
        doctest::Approx(1 + 1.96 * std::sqrt(20.0 / 3)));
  CHECK(metrics.ci95[number_figure("mae")].has_value());
}
