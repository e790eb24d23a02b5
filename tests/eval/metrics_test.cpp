// Figures against scikit-learn's (tests/golden/metrics.json, written by scripts/golden/metrics.py),
// an example worked by hand, studies, and refused input.
#include "eval/metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "eval/predictions.h"
#include "tests/support/message_of.h"
#include "tests/support/ten_studies.h"

using nlohmann::json;
using osteon::Evaluation;
using osteon::Metrics;
using osteon::Outcome;
using osteon::Prediction;

namespace {

constexpr double kTolerance = 1e-9;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const json& golden() {
  static const json data = json::parse(std::ifstream(OSTEON_TEST_DATA "/metrics.json"));
  return data;
}

void check_metrics(const Metrics& metrics, const json& expected) {
  CHECK(metrics.n == expected.at("n"));
  CHECK(metrics.positives == expected.at("positives"));
  for (const osteon::Figure& figure : osteon::kFigures) {
    CAPTURE(std::string(figure.name));
    const std::optional<double>& value = metrics.*figure.value;
    const json& wanted = expected.at(figure.name);
    REQUIRE(value.has_value() == !wanted.is_null());
    if (value) CHECK(std::abs(*value - wanted.get<double>()) <= kTolerance);
  }
  const osteon::Confusion& confusion = metrics.confusion;
  const json& counts = expected.at("confusion");
  CHECK(confusion.tn == counts.at("tn"));
  CHECK(confusion.fp == counts.at("fp"));
  CHECK(confusion.fn == counts.at("fn"));
  CHECK(confusion.tp == counts.at("tp"));
}

// The recurrence of golden/metrics.py's generate().
std::vector<Outcome> generate_outcomes(std::uint64_t seed, std::size_t n, std::uint64_t levels) {
  std::uint64_t x = seed;
  const auto draw = [&x] {
    x = (1103515245 * x + 12345) % (1ULL << 31);
    return x >> 8;
  };
  std::vector<Outcome> outcomes(n);
  for (Outcome& outcome : outcomes) {
    const std::uint64_t k = draw() % (levels + 1);
    outcome.label = (k + draw() % levels) % (2 * levels) > levels ? 1 : 0;
    outcome.probability = static_cast<double>(k) / static_cast<double>(levels);
  }
  return outcomes;
}

}  // namespace

TEST_CASE("figures agree with scikit-learn's") {
  REQUIRE(golden().at("outcomes").size() >= 20);
  for (const json& row : golden().at("outcomes")) {
    CAPTURE(row.at("name"));
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < row.at("labels").size(); ++i)
      outcomes.push_back({row["labels"][i], row["probabilities"][i]});
    for (const json& expected : row.at("expected")) {
      CAPTURE(expected.at("threshold"));
      check_metrics(osteon::compute_metrics(outcomes, expected.at("threshold")), expected);
    }
  }
}

TEST_CASE("figures of many samples agree with scikit-learn's") {
  REQUIRE(golden().at("generated").size() >= 3);
  for (const json& row : golden().at("generated")) {
    CAPTURE(row.at("n"));
    const std::vector<Outcome> outcomes =
        generate_outcomes(row.at("seed"), row.at("n"), row.at("levels"));
    const json& expected = row.at("expected");
    check_metrics(osteon::compute_metrics(outcomes, expected.at("threshold")), expected);
  }
}

TEST_CASE("images, studies and parts agree with scikit-learn's figures") {
  REQUIRE(golden().at("studies").size() >= 4);
  for (const json& row : golden().at("studies")) {
    CAPTURE(row.at("name"));
    std::vector<Prediction> predictions;
    for (const json& image : row.at("rows"))
      predictions.push_back({"image" + std::to_string(predictions.size()), image[0], image[1],
                             image[2], image[3], image[4]});
    const Evaluation evaluation = osteon::evaluate(predictions, row.at("threshold"));
    const json& expected = row.at("expected");
    CHECK(evaluation.threshold == row.at("threshold"));
    check_metrics(evaluation.overall.image, expected.at("image"));
    check_metrics(evaluation.overall.study, expected.at("study"));
    REQUIRE(evaluation.parts.size() == expected.at("parts").size());
    for (const auto& part : evaluation.parts) {
      CAPTURE(part.first);
      const json& expected_of_part = expected.at("parts").at(part.first);
      check_metrics(part.second.image, expected_of_part.at("image"));
      check_metrics(part.second.study, expected_of_part.at("study"));
    }
  }
}

TEST_CASE("ten studies worked by hand") {
  const Evaluation evaluation = osteon::evaluate(osteon::ten_studies(), 0.5);
  // From the highest: + .95, + .81, - .7, + .5 tied with - .5, - .41, - .35, + .3, - .21, - .15.
  const json study{
      {"n", 10},
      {"positives", 4},
      {"accuracy", 7.0 / 10},
      {"precision", 3.0 / 5},
      {"recall", 3.0 / 4},
      {"specificity", 4.0 / 6},
      {"f1", 2.0 / 3},
      {"auroc", (6 + 6 + 4.5 + 2) / 24},                   // negatives below each positive
      {"average_precision", (1 + 1 + 3.0 / 5 + 0.5) / 4},  // precision at each positive
      {"kappa", (0.7 - 0.5) / (1 - 0.5)},                  // chance: .5 x .4 + .5 x .6
      {"brier",
       (0.0025 + 0.0361 + 0.25 + 0.49 + 0.49 + 0.25 + 0.1681 + 0.1225 + 0.0441 + 0.0225) / 10},
      // Every mean has its own bin except the two of .5, which cancel.
      {"ece", (0.05 + 0.19 + 0.7 + 0.7 + 0 + 0.41 + 0.35 + 0.21 + 0.15) / 10},
      {"confusion", {{"tn", 4}, {"fp", 2}, {"fn", 1}, {"tp", 3}}},
  };
  check_metrics(evaluation.overall.study, study);

  struct Row {
    const char* name;
    const Metrics& metrics;
    std::int64_t tn, fp, fn, tp;
    double auroc;
  };
  const auto& wrist = evaluation.parts.at("XR_WRIST");
  const auto& elbow = evaluation.parts.at("XR_ELBOW");
  const Row rows[] = {
      {"all images", evaluation.overall.image, 6, 2, 2, 4, (8 + 8 + 8 + 6.5 + 5 + 2) / 48},
      {"wrist images", wrist.image, 3, 1, 2, 3, (4 + 4 + 3 + 2 + 1) / 20.0},
      {"wrist studies", wrist.study, 2, 1, 1, 2, (3 + 2 + 1) / 9.0},
      {"elbow images", elbow.image, 3, 1, 0, 1, 1},
      {"elbow studies", elbow.study, 2, 1, 0, 1, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    CHECK(row.metrics.confusion.tn == row.tn);
    CHECK(row.metrics.confusion.fp == row.fp);
    CHECK(row.metrics.confusion.fn == row.fn);
    CHECK(row.metrics.confusion.tp == row.tp);
    CHECK(row.metrics.auroc.value() == doctest::Approx(row.auroc).epsilon(kTolerance));
  }
}

TEST_CASE(
    "studies are sorted, averaged and counted; the same name with another patient is another "
    "study") {
  const std::vector<osteon::Study> studies = osteon::aggregate_studies({
      {"d", "study2", "p1", "XR_HAND", 1, 0.25},
      {"c", "study1", "p2", "XR_HAND", 0, 0.5},
      {"b", "study2", "p1", "XR_HAND", 1, 0.75},
      {"a", "study1", "p1", "XR_WRIST", 1, 1},
      {"e", "study1", "p1", "XR_HAND", 0, 0},
      {"f", "study2", "p1", "XR_HAND", 1, 0.125},
  });
  const osteon::Study expected[] = {
      {"study1", "p1", "XR_HAND", 0, 0.0, 1},
      {"study1", "p1", "XR_WRIST", 1, 1.0, 1},
      {"study1", "p2", "XR_HAND", 0, 0.5, 1},
      {"study2", "p1", "XR_HAND", 1, 0.375, 3},
  };
  REQUIRE(studies.size() == std::size(expected));
  for (std::size_t i = 0; i < studies.size(); ++i) {
    CAPTURE(i);
    CHECK(studies[i].study == expected[i].study);
    CHECK(studies[i].patient == expected[i].patient);
    CHECK(studies[i].part == expected[i].part);
    CHECK(studies[i].label == expected[i].label);
    CHECK(studies[i].probability == expected[i].probability);
    CHECK(studies[i].views == expected[i].views);
  }
}

TEST_CASE("without predictions there are no studies, parts or figures") {
  const Evaluation evaluation = osteon::evaluate({}, 0.5);
  CHECK(evaluation.parts.empty());
  for (const Metrics& metrics : {evaluation.overall.image, evaluation.overall.study}) {
    CHECK(metrics.n == 0);
    for (const osteon::Figure& figure : osteon::kFigures) CHECK(!(metrics.*figure.value));
  }
}

TEST_CASE("an invalid prediction is refused by name") {
  struct Row {
    Prediction invalid;
    const char* message;
  };
  const Row rows[] = {
      {{"bad.png", "s", "p", "", 1, kNan}, "bad.png: probability nan"},
      {{"bad.png", "s", "p", "", 1, -kNan}, "bad.png: probability -nan"},
      {{"bad.png", "s", "p", "", 1, kInfinity}, "bad.png: probability inf"},
      {{"bad.png", "s", "p", "", 1, 1.0000000000000002}, "bad.png: probability 1"},
      {{"bad.png", "s", "p", "", 1, -5e-324}, "bad.png: probability -4.94066e-324"},
      {{"bad.png", "s", "p", "", 2, 0.5}, "bad.png: label 2"},
      {{"bad.png", "s", "p", "", -1, 0.5}, "bad.png: label -1"},
      {{"bad.png", "", "p", "", 1, 0.5}, "bad.png: has no study"},
      {{"bad.png", "shared", "p1", "XR_HAND", 1, 0.5},
       "study shared: good.png has label 0 but bad.png has label 1"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.message));
    const std::vector<Prediction> predictions{{"good.png", "shared", "p1", "XR_HAND", 0, 0.5},
                                              row.invalid};
    const std::string aggregated =
        osteon::message_of([&] { osteon::aggregate_studies(predictions); });
    CHECK(aggregated.find(row.message) == 0);
    CHECK(osteon::message_of([&] { osteon::evaluate(predictions, 0.5); }) == aggregated);
  }
}

TEST_CASE("an invalid outcome or threshold is refused") {
  struct Row {
    Outcome outcome;
    double threshold;
    const char* message;
  };
  const Row rows[] = {
      {{1, kNan}, 0.5, "metrics: probability nan of sample 1"},
      {{1, 1.5}, 0.5, "metrics: probability 1.5 of sample 1"},
      {{0, -0.1}, 0.5, "metrics: probability -0.1 of sample 1"},
      {{3, 0.5}, 0.5, "metrics: label 3 of sample 1"},
      {{1, 0.5}, kNan, "metrics: threshold nan"},
      {{1, 0.5}, 1.1, "metrics: threshold 1.1"},
      {{1, 0.5}, -0.1, "metrics: threshold -0.1"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.message));
    const std::vector<Outcome> outcomes{{0, 0.5}, row.outcome};
    CHECK(osteon::message_of([&] {
            osteon::compute_metrics(outcomes, row.threshold);
          }).find(row.message) == 0);
  }
}
