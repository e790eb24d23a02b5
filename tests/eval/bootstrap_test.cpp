// Intervals, thresholds, temperatures and comparisons against scikit-learn, numpy and scipy
// (tests/golden/metrics.json, written by scripts/golden/metrics.py), and cases without a result.
#include "eval/bootstrap.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "base/random.h"
#include "eval/calibration.h"
#include "eval/comparison.h"
#include "eval/predictions.h"
#include "eval/results.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/ten_studies.h"

using namespace osteon;
using nlohmann::json;

namespace {

constexpr double kTolerance = 1e-9;

const json& golden() {
  static const json data = json::parse(std::ifstream(OSTEON_TEST_DATA "/metrics.json"));
  return data;
}

void check_intervals(const FigureIntervals& intervals, const json& expected) {
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    CAPTURE(kFigures[f].name);
    const json& wanted = expected.at(kFigures[f].name);
    REQUIRE(intervals[f].has_value() == !wanted.is_null());
    if (!intervals[f]) continue;
    CHECK(std::abs(intervals[f]->low - wanted[0].get<double>()) <= kTolerance);
    CHECK(std::abs(intervals[f]->high - wanted[1].get<double>()) <= kTolerance);
  }
}

// The images of a row of "bootstrap", with the first or the second model's probabilities.
Decisions decisions_of(const json& row, bool second) {
  Decisions decisions;
  decisions.threshold = row.at("threshold");
  for (std::size_t i = 0; i < row.at("rows").size(); ++i) {
    const json& image = row["rows"][i];
    const double probability = second ? row.at("second")[i] : image[4];
    decisions.predictions.push_back(
        {"image" + std::to_string(i), image[0], image[1], image[2], image[3], probability});
  }
  return decisions;
}

// The numbers of patients, studies and images of MURA's test split.
std::vector<Prediction> mura_sized() {
  const char* const parts[] = {"ELBOW",   "FINGER",   "FOREARM", "HAND",
                               "HUMERUS", "SHOULDER", "WRIST"};
  RandomStream random(1);
  std::vector<Prediction> predictions;
  for (int study = 0; predictions.size() < 3197; ++study) {
    const int label = random.uniform() < 0.45 ? 1 : 0;
    const std::string patient = std::to_string(study * 2 / 3);
    for (std::uint64_t views = 1 + random.below(5); views > 0 && predictions.size() < 3197; --views)
      predictions.push_back({std::to_string(predictions.size()), std::to_string(study), patient,
                             parts[study % 7], label,
                             std::clamp(0.3 * random.normal() + 0.3 + 0.4 * label, 0.0, 1.0)});
  }
  return predictions;
}

}  // namespace

TEST_CASE("intervals and differences agree with scikit-learn's figures of the same draws") {
  REQUIRE(golden().at("bootstrap").size() >= 2);
  for (const json& row : golden().at("bootstrap")) {
    CAPTURE(row.at("seed"));
    const BootstrapOptions bootstrap{row.at("draws"), row.at("seed")};
    const Decisions first = decisions_of(row, false), second = decisions_of(row, true);
    const Evaluation evaluation = evaluate(first.predictions, first.threshold, bootstrap);
    const Comparison comparison = compare(first, second, "other", bootstrap);
    REQUIRE(evaluation.parts.size() + 1 == row.at("expected").size());
    for (const auto& part : row.at("expected").items()) {
      CAPTURE(part.key());
      const std::string& name = part.key();
      const json& expected = part.value();
      const auto& metrics = name.empty() ? evaluation.overall : evaluation.parts.at(name);
      const auto& compared = name.empty() ? comparison.overall : comparison.parts.at(name);
      check_intervals(metrics.image.ci95, expected.at("image").at("ci95"));
      check_intervals(metrics.study.ci95, expected.at("study").at("ci95"));
      check_intervals(compared.image.difference, expected.at("image").at("difference"));
      check_intervals(compared.study.difference, expected.at("study").at("difference"));
    }
  }
}

TEST_CASE("intervals do not depend on the order of images or the number of threads") {
  std::vector<Prediction> predictions = ten_studies();
  const auto intervals = [&] {
    return evaluate(predictions, 0.5, {.draws = 300, .seed = 4}).overall.study.ci95;
  };
  const FigureIntervals first = intervals();
  const int threads = num_threads();
  set_num_threads(1);
  std::ranges::reverse(predictions);
  const FigureIntervals again = intervals();
  set_num_threads(threads);
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    REQUIRE(first[f].has_value() == again[f].has_value());
    if (!first[f]) continue;
    CHECK(first[f]->low == doctest::Approx(again[f]->low).epsilon(1e-12));
    CHECK(first[f]->high == doctest::Approx(again[f]->high).epsilon(1e-12));
  }
}

TEST_CASE("no interval without draws, for one patient, or if most draws leave it undefined") {
  struct Row {
    const char* name;
    std::vector<Prediction> predictions;
    std::int64_t draws;
    bool accuracy, auroc;
  };
  const std::vector<Prediction> one_class{
      {"a", "a", "p1", "", 0, 0.1}, {"b", "b", "p2", "", 0, 0.2}, {"c", "c", "p3", "", 0, 0.7}};
  const std::vector<Prediction> one_patient{{"a", "a", "p", "", 0, 0.1},
                                            {"b", "b", "p", "", 1, 0.2}};
  // Two patients: half of the draws contain only one of them.
  const std::vector<Prediction> two{{"a", "a", "p1", "", 0, 0.1}, {"b", "b", "p2", "", 1, 0.2}};
  const Row rows[] = {{"ten studies", ten_studies(), 500, true, true},
                      {"no draws", ten_studies(), 0, false, false},
                      {"nothing", {}, 500, false, false},
                      {"one class", one_class, 500, true, false},
                      {"one patient", one_patient, 500, false, false},
                      {"two patients", two, 500, true, false}};
  const auto has = [](const Metrics& metrics, std::optional<double> Metrics::*figure) {
    return metrics.ci95[figure_index(figure)].has_value();
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const Metrics metrics =
        evaluate(row.predictions, 0.5, {.draws = row.draws, .seed = 1}).overall.study;
    CHECK(has(metrics, &Metrics::accuracy) == row.accuracy);
    CHECK(has(metrics, &Metrics::auroc) == row.auroc);
  }
}

TEST_CASE("1,000 draws of a test split like MURA's take less than two seconds") {
  const std::vector<Prediction> predictions = mura_sized();
  const auto start = std::chrono::steady_clock::now();
  evaluate(predictions, 0.5, {.draws = 1000, .seed = 0});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  MESSAGE("1,000 draws of ", predictions.size(), " images: ", seconds, " s");
#ifdef NDEBUG
  CHECK(seconds < 2);
#endif
}

TEST_CASE("thresholds agree with those of scikit-learn's curves") {
  for (const json& row : golden().at("thresholds")) {
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < row.at("labels").size(); ++i)
      outcomes.push_back({row["labels"][i], row["probabilities"][i]});
    CHECK(std::abs(choose_threshold(outcomes, ThresholdRule::youden) -
                   row.at("youden").get<double>()) <= kTolerance);
    CHECK(std::abs(choose_threshold(outcomes, ThresholdRule::f1) - row.at("f1").get<double>()) <=
          kTolerance);
  }
}

TEST_CASE("temperatures agree with scipy's root") {
  for (const json& row : golden().at("temperatures")) {
    const auto logits = row.at("logits").get<std::vector<double>>();
    const auto labels = row.at("labels").get<std::vector<int>>();
    CHECK(fit_temperature(logits, labels) ==
          doctest::Approx(row.at("temperature").get<double>()).epsilon(kTolerance));
  }
  // Perfectly separated classes: a lower temperature is always better, down to the limit.
  const double apart[] = {-1, -2, 1, 2};
  const int labels[] = {0, 0, 1, 1};
  CHECK(fit_temperature(apart, labels) == doctest::Approx(1 / kMaxTemperature));
  const int exchanged[] = {1, 1, 0, 0};
  CHECK(fit_temperature(apart, exchanged) == doctest::Approx(kMaxTemperature));
}

TEST_CASE("McNemar's p-values agree with scipy's binomial test") {
  for (const json& row : golden().at("mcnemar")) {
    CAPTURE(row.dump());
    CHECK(std::abs(mcnemar(row.at("first"), row.at("second")).p_value -
                   row.at("p_value").get<double>()) <= kTolerance);
  }
}

TEST_CASE("a comparison of ten studies worked by hand") {
  std::vector<Prediction> other = ten_studies();
  other[6].probability = 0.95;  // w4: mean of .12 and .95 is .535, a mistake
  other[7].probability = 0.20;  // w5, w6 and e2 stay or become right
  other[10].probability = 0.49;
  const Comparison comparison = compare({ten_studies(), 0.5}, {other, 0.5}, "other", {.draws = 0});
  const ComparedLevel& study = comparison.overall.study;
  CHECK(study.first[0].value() == doctest::Approx(0.7));
  CHECK(study.second[0].value() == doctest::Approx(0.8));
  CHECK(study.decisions->only_first_right == 1);
  CHECK(study.decisions->only_second_right == 2);
  CHECK(study.decisions->p_value == doctest::Approx(1.0));
}

TEST_CASE("a comparison reads an evaluation back and names differences") {
  const TemporaryFolder folder;
  const std::vector<Prediction> here = ten_studies();
  write_predictions_csv(folder.path() / "predictions.csv", here);
  write_metrics_json(folder.path() / "metrics.json", evaluate(here, 0.25), {});
  const Decisions read = read_decisions(folder.path());
  CHECK(read.threshold == 0.25);
  REQUIRE(read.predictions.size() == here.size());
  CHECK(read.predictions[3].probability == here[3].probability);

  auto lacking = here;
  lacking.erase(lacking.begin() + 1);
  auto relabelled = here;
  relabelled[5].label = relabelled[6].label = 1;
  auto moved = here;
  moved[2].study = "w9";
  struct Row {
    std::vector<Prediction> there;
    const char* message;
  };
  const Row rows[] = {{lacking, "other: has no prediction for w1/image2"},
                      {relabelled, "other: w4/image1 has label 1 there but 0 here"},
                      {moved, "other: w2/image1 belongs to another study"}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.message));
    CHECK(contains(message_of([&] {
                     compare({here, 0.5}, {row.there, 0.5}, "other", {});
                   }),
                   row.message));
  }
  auto elsewhere = here;
  for (Prediction& image : elsewhere) image.path = "/mnt/./x//" + image.path;
  const Comparison equal = compare({here, 0.5}, {elsewhere, 0.5}, "other", {});
  CHECK(equal.overall.image.decisions->only_first_right == 0);
  CHECK(contains(message_of([&] {
                   compare({lacking, 0.5}, {here, 0.5}, "other", {});
                 }),
                 "has a prediction for w1/image2, which is not in this evaluation"));
  CHECK(contains(message_of([&] { read_decisions(folder.path() / "none"); }), "predictions.csv"));
  folder.write("predictions.csv", "path,study,patient,part,label,probability\na,s,p,,0,half\n");
  CHECK(contains(message_of([&] { read_decisions(folder.path()); }), "predictions.csv:2"));
}

TEST_CASE("thresholds and temperatures for one class only are refused") {
  const Outcome outcomes[] = {{1, 0.2}, {1, 0.8}};
  const double logits[] = {0.5, 1};
  const int labels[] = {0, 0};
  CHECK(contains(message_of([&] { choose_threshold(outcomes, ThresholdRule::youden); }),
                 "one class only"));
  CHECK(contains(message_of([&] { fit_temperature(logits, labels); }), "one class only"));
}
