// Figures of several classes against scikit-learn's (tests/golden/class_metrics.json, written by
// scripts/golden/class_metrics.py), studies, and refused input.
#include "eval/class_metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "eval/calibration.h"
#include "eval/class_predictions.h"
#include "tests/support/message_of.h"

using namespace osteon;
using nlohmann::json;

namespace {

constexpr double kTolerance = 1e-9;

const json& golden() {
  static const json data = json::parse(std::ifstream(OSTEON_TEST_DATA "/class_metrics.json"));
  return data;
}

ClassOutcomes outcomes_of(const json& row) {
  ClassOutcomes outcomes{row.at("probabilities").at(0).size(), row.at("labels"), {}};
  for (const json& probabilities : row.at("probabilities"))
    for (const json& probability : probabilities) outcomes.probabilities.push_back(probability);
  return outcomes;
}

void check_figure(const std::optional<double>& value, const json& expected,
                  const std::string& name) {
  CAPTURE(name);
  REQUIRE(value.has_value() == expected.contains(name));
  if (value) CHECK(std::abs(*value - expected[name].get<double>()) <= kTolerance);
}

ClassPrediction image(const std::string& path, const std::string& study, std::size_t label,
                      std::vector<double> probabilities) {
  return {{path, study, "patient of " + study, ""}, label, std::move(probabilities)};
}

const std::vector<std::string> kNames{"a", "b", "c"};

}  // namespace

TEST_CASE("figures of several classes agree with scikit-learn's") {
  REQUIRE(golden().at("cases").size() >= 10);
  for (const json& row : golden().at("cases")) {
    CAPTURE(row.at("name"));
    const ClassOutcomes outcomes = outcomes_of(row);
    std::vector<std::size_t> groups(outcomes.labels.size());
    std::iota(groups.begin(), groups.end(), std::size_t{0});
    const ClassMetrics metrics = RankedClassOutcomes(outcomes, groups)
                                     .metrics(row.at("counts").get<std::vector<std::int64_t>>());
    const json& expected = row.at("expected");
    CHECK(metrics.n == expected.at("n"));
    for (const char* name : kOverallFigures)
      check_figure(metrics.values[overall_figure(name)], expected.at("overall"), name);
    for (std::size_t k = 0; k < outcomes.classes; ++k) {
      CAPTURE(k);
      const json& of_class = expected.at("classes").at(k);
      CHECK(metrics.support(k) == of_class.at("support"));
      for (const char* name : kClassFigures)
        check_figure(metrics.values[class_figure(k, name)], of_class, name);
      for (std::size_t decision = 0; decision < outcomes.classes; ++decision)
        CHECK(metrics.count(k, decision) == expected.at("confusion_matrix").at(k).at(decision));
    }
  }
}

TEST_CASE("the temperature of several classes minimises the cross-entropy") {
  for (const json& row : golden().at("temperatures")) {
    ImageValues logits{std::ssize(row.at("logits").at(0)), {}};
    for (const json& values : row.at("logits"))
      for (const json& value : values) logits.values.push_back(value);
    const double temperature =
        fit_class_temperature(logits, row.at("labels").get<std::vector<std::size_t>>());
    CHECK(temperature == doctest::Approx(row.at("temperature").get<double>()).epsilon(1e-9));
  }
  const std::vector<std::size_t> same{1, 1};
  CHECK(contains(message_of([&] {
                   fit_class_temperature({2, {0, 1, 2, 3}}, same);
                 }),
                 "one class only"));
}

TEST_CASE("a study has the mean of its images' probabilities") {
  const std::vector<ClassPrediction> predictions{image("1", "s", 1, {0.5, 0.3, 0.2}),
                                                 image("2", "t", 0, {0.9, 0.1, 0}),
                                                 image("3", "s", 1, {0.1, 0.9, 0})};
  const std::vector<ClassStudy> studies = aggregate_class_studies(predictions, kNames);
  REQUIRE(studies.size() == 2);
  CHECK(studies[0].study == "s");
  CHECK(studies[0].views == 2);
  CHECK(studies[0].probabilities[0] == doctest::Approx(0.3));
  CHECK(studies[0].probabilities[1] == doctest::Approx(0.6));
  const ClassEvaluation evaluation = evaluate_classes(predictions, kNames, {.draws = 50});
  CHECK(*evaluation.overall.image.values[overall_figure("accuracy")] == doctest::Approx(2.0 / 3));
  CHECK(*evaluation.overall.study.values[overall_figure("accuracy")] == 1);
  CHECK(evaluation.overall.study.ci95[overall_figure("accuracy")].has_value());
  CHECK(!evaluation.overall.study.ci95[overall_figure("ece")].has_value());
  CHECK(!evaluation.overall.study.values[class_figure(2, "recall")].has_value());
}

TEST_CASE("contradicting labels and impossible probabilities are refused") {
  CHECK(contains(message_of([] {
                   aggregate_class_studies(
                       {image("1", "s", 1, {1, 0, 0}), image("2", "s", 2, {1, 0, 0})}, kNames);
                 }),
                 "study s: 1 has label b but 2 has label c"));
  for (const double wrong : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    CAPTURE(wrong);
    CHECK(contains(message_of([&] {
                     aggregate_class_studies({image("1", "s", 1, {wrong, 0, 0})}, kNames);
                   }),
                   "1: probability"));
  }
}
