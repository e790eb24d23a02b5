// The task of several classes by its interface: loss and weights, predictions, files, comparisons.
#include "eval/class_task.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "eval/report/report.h"
#include "ops/ops.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_run.h"

using namespace osteon;

namespace {

const std::vector<std::string> kClasses{"a", "b, quoted", "c"};

// Images of labels 0, 1, 2, 0, ..., each a study and patient of its own, in two parts.
Manifest images(std::size_t count, Split split = Split::val) {
  Manifest manifest{"csv", "data", kClasses, {}, {}};
  manifest.task = "multiclass";
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = std::to_string(i);
    manifest.samples.push_back(
        {name, static_cast<std::int64_t>(i % 3), name, name, i % 2 == 0 ? "HAND" : "WRIST", split});
  }
  return manifest;
}

std::vector<std::int64_t> first(std::int64_t count) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < count; ++i) indices.push_back(i);
  return indices;
}

std::unique_ptr<TaskResult> result_of(const std::vector<double>& probabilities,
                                      const BootstrapOptions& bootstrap = {}) {
  const auto count = std::ssize(probabilities) / 3;
  const Manifest manifest = images(static_cast<std::size_t>(count));
  const std::vector<std::int64_t> all = first(count);
  return make_task("multiclass", kClasses)
      ->evaluate({manifest, all}, {3, probabilities}, {}, bootstrap);
}

// Right for the first two of three images.
const std::vector<double> kThree{0.5, 0.25, 0.25, 0.1, 0.8, 0.1, 0.6, 0.1, 0.3};

}  // namespace

TEST_CASE("the loss is cross-entropy, weighted and with smoothed targets") {
  const auto task = make_task("multiclass", kClasses);
  const Manifest manifest = images(3);
  const std::vector<std::int64_t> all = first(3);
  const Tensor logits = from_vector({0.5, -1, 2, 3, 0.25, -0.5, 1, 1, 4}, {3, 3}, DType::f64);
  const Tensor labels = cast(from_vector({0, 1, 2}, {3}), DType::i64);
  for (const double share : {0.0, 0.3}) {
    CAPTURE(share);
    const Tensor targets = task->smooth(task->targets({manifest, all}, DType::f64), share);
    const double expected = cross_entropy(logits, labels, {}, {.label_smoothing = share}).item();
    CHECK(task->loss(logits, targets, full({3}, 1, DType::f64)).item() ==
          doctest::Approx(expected).epsilon(1e-12));
  }
  // Only the second image counts; the mean divides by the number of images.
  const Tensor one = from_vector({0, 6, 0}, {3}, DType::f64);
  const double second = std::log(std::exp(3) + std::exp(0.25) + std::exp(-0.5)) - 0.25;
  CHECK(task->loss(logits, task->targets({manifest, all}, DType::f64), one).item() ==
        doctest::Approx(2 * second).epsilon(1e-12));
}

TEST_CASE("weights of classes") {
  struct Row {
    const char* policy;
    std::vector<double> weights;  // of labels 0 HAND, 1 HAND, 1 WRIST
  };
  const Row rows[] = {{"none", {1, 1, 1}},
                      {"balanced", {6.0 / (3 * 3), 6.0 / (3 * 2), 6.0 / (3 * 2)}},
                      // HAND: two of 0, one each of 1 and 2; WRIST: one each of 0 and 1.
                      {"paper", {0.5 / 2.5, 1 / 2.5, 0.5}}};
  Manifest manifest{"csv", "data", kClasses, {}, {}};
  const std::pair<int, const char*> samples[] = {{0, "HAND"},  {1, "HAND"}, {1, "WRIST"},
                                                 {0, "WRIST"}, {0, "HAND"}, {2, "HAND"}};
  for (const auto& [label, part] : samples) manifest.samples.push_back({"", label, "", "", part});
  const auto task = make_task("multiclass", kClasses);
  for (const Row& row : rows) {
    CAPTURE(std::string(row.policy));
    const std::vector<double> weights = task->prepare_training(manifest, row.policy, {});
    for (std::size_t i = 0; i < 3; ++i) CHECK(weights[i] == doctest::Approx(row.weights[i]));
  }
  CHECK(contains(message_of([&] { task->prepare_training(manifest, "2.5", {}); }),
                 "choose paper, balanced or none"));
  manifest.samples.pop_back();
  std::string warning;
  task->prepare_training(manifest, "none", [&](const std::string& text) { warning = text; });
  CHECK(warning == "the training split has no c image");
  CHECK(contains(message_of([&] { task->prepare_training(manifest, "balanced", {}); }),
                 "the training split has no c image; use --positive-weight none"));
}

TEST_CASE("predictions, decisions and what is refused") {
  const auto task = make_task("multiclass", kClasses);
  ModelInfo info;
  info.temperature = 2;
  const ImageValues predicted = task->predict({3, {2, 2, 2, 0, 4, 0}}, info);
  REQUIRE(predicted.rows() == 2);
  CHECK(predicted.row(0)[1] == doctest::Approx(1.0 / 3));
  CHECK(predicted.row(1)[1] == doctest::Approx(std::exp(2) / (2 + std::exp(2))));
  CHECK(task->decide(predicted.row(0), info) == "a");  // the first of equal ones
  CHECK(task->decide(predicted.row(1), info) == "b, quoted");
  CHECK(task->certainty(predicted.row(1), info) == predicted.row(1)[1]);
  CHECK(task->explained_output(predicted.row(1), info) == 1);
  CHECK(task->columns()[2] == "probability_c");

  const Manifest manifest = images(3);
  const std::vector<std::int64_t> all = first(3), one = first(1);
  task->check_choices("0.5", "val", {manifest, all});
  CHECK(contains(message_of([&] {
                   task->check_choices("0.4", "1", {manifest, all});
                 }),
                 "has no threshold"));
  CHECK(contains(message_of([&] {
                   task->check_choices("0.5", "val", {manifest, one});
                 }),
                 "needs several classes"));
  CHECK(contains(message_of([&] {
                   task->check_classes({"a", "b"}, true);
                 }),
                 "trained for the classes a, b, quoted, c, but the classes of the data are a, b"));
  CHECK(contains(message_of([] { make_task("multiclass", {"a"}); }), "at least 2 classes"));
}

TEST_CASE("the files of an evaluation, which a comparison reads") {
  const TemporaryFolder folder;
  const auto here = result_of(kThree, {.draws = 100}), same = result_of(kThree);
  here->write(folder.path());
  CHECK(read_text(folder.path() / "predictions.csv")
            .starts_with("path,study,patient,part,label,predicted,probability_a,"
                         "\"probability_b, quoted\",probability_c\n"
                         "0,0,0,HAND,a,a,0.5,0.25,0.25\n"));
  CHECK(read_text(folder.path() / "studies.csv").ends_with("2,HAND,c,a,0.6,0.1,0.3,1\n"));
  const auto metrics = nlohmann::json::parse(read_text(folder.path() / "metrics.json"));
  CHECK(metrics["image"]["accuracy"].get<double>() == doctest::Approx(2.0 / 3));
  CHECK(metrics["study"]["classes"]["c"]["recall"] == 0);
  CHECK(metrics["study"]["classes"]["c"]["precision"].is_null());
  CHECK(metrics["image"]["confusion_matrix"] == nlohmann::json({{1, 0, 0}, {0, 1, 0}, {1, 0, 0}}));
  CHECK(metrics["parts"]["WRIST"]["image"]["n"] == 1);

  const auto task = make_task("multiclass", kClasses);
  // The third image is right there: one decision differs.
  const auto better = result_of({0.5, 0.25, 0.25, 0.1, 0.8, 0.1, 0.1, 0.1, 0.8}, {.draws = 100});
  better->compare(*task->read_result(folder.path()), "the first", folder.path());
  const auto comparison = nlohmann::json::parse(read_text(folder.path() / "comparison.json"));
  CHECK(comparison["image"]["accuracy"]["difference"].get<double>() == doctest::Approx(1.0 / 3));
  CHECK(comparison["study"]["mcnemar"]["only_first_right"] == 1);
  CHECK(comparison["parts"]["HAND"]["image"]["accuracy"]["first"] == 1);
  std::ostringstream table;
  better->print(table);
  CHECK(contains(table.str(), "compared with the first"));
  CHECK(contains(table.str(), "predicted b, quoted"));

  const auto fewer = result_of({kThree.begin(), kThree.begin() + 6});
  CHECK(contains(message_of([&] {
                   fewer->compare(*task->read_result(folder.path()), "the first", folder.path());
                 }),
                 "the first: has a prediction for 2"));
  folder.write("predictions.csv",
               "path,study,patient,part,label,predicted,probability_a,\"probability_b, quoted\","
               "probability_c\n0,0,0,,d,a,1,0,0\n");
  CHECK(contains(message_of([&] { task->read_result(folder.path()); }),
                 "predictions.csv:2: label \"d\" is none of the model's classes"));
}

TEST_CASE("the report of several classes") {
  const auto result = result_of(kThree, {.draws = 50});
  const TaskReport report = result->report(0);
  CHECK(contains(report.lead, "one of 3 classes for 2 of 3 studies"));
  CHECK(contains(report.details, "classified as b, quoted"));
  CHECK(contains(report.details, "By body part"));
  CHECK(report.counted.size() == 3);
  REQUIRE(report.galleries.size() == 2);
  REQUIRE(report.galleries[0].images.size() == 1);
  CHECK(report.galleries[0].images[0].decision == "a");
  CHECK(report.galleries[0].images[0].explained_output == 0);
  CHECK(report.galleries[1].images.size() == 2);
}
