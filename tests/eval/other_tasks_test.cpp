// The tasks of grades, several labels and numbers by their interface: predictions, decisions,
// choices on validation, files, comparisons, reports, and what is refused.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "eval/class_task.h"
#include "eval/multilabel_task.h"
#include "eval/regression_task.h"
#include "eval/report/report.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_run.h"

using namespace osteon;

namespace {

// Images whose labels of all tasks follow from `label`, each a study and patient of its own.
Manifest images(const std::string& task, const std::vector<std::string>& classes,
                const std::vector<int>& labels) {
  Manifest manifest;
  manifest.task = task;
  manifest.classes = classes;
  manifest.root = "data";
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string name = std::to_string(i);
    Sample sample{name, labels[i], name, name, i % 2 == 0 ? "HAND" : "WRIST"};
    if (task == "multilabel")  // the bits; a negative one is unknown in its first label
      for (std::size_t k = 0; k < classes.size(); ++k)
        sample.labels.push_back(labels[i] < 0 && k == 0
                                    ? kUnknown
                                    : static_cast<std::int8_t>(std::abs(labels[i]) >> k & 1));
    sample.value = labels[i];
    manifest.samples.push_back(sample);
  }
  return manifest;
}

std::vector<std::int64_t> all_of(const Manifest& manifest) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < std::ssize(manifest.samples); ++i) indices.push_back(i);
  return indices;
}

std::unique_ptr<TaskResult> result_of(const Manifest& manifest, const ImageValues& predictions,
                                      const ModelInfo& info,
                                      const BootstrapOptions& bootstrap = {}) {
  const std::vector<std::int64_t> all = all_of(manifest);
  return make_task(manifest.task, manifest.classes)
      ->evaluate({manifest, all}, predictions, info, bootstrap);
}

nlohmann::json json_in(const TemporaryFolder& folder, const char* name) {
  return nlohmann::json::parse(read_text(folder.path() / name));
}

const std::vector<std::string> kGrades{"0", "1", "2+"}, kLabels{"hand", "hip"}, kNumber{"age"};

}  // namespace

TEST_CASE("grades: probabilities are differences of cumulative ones that do not increase") {
  const auto task = make_task("ordinal", kGrades);
  CHECK(task->outputs() == 2);
  ModelInfo info;
  info.temperature = 2;
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  // The second image is more probably above 1 than above 0, which cannot be.
  const ImageValues predicted = task->predict({2, {2, -4, 0, 6}}, info);
  REQUIRE(predicted.rows() == 2);
  CHECK(predicted.row(0)[0] == doctest::Approx(1 - sigmoid(1)));
  CHECK(predicted.row(0)[1] == doctest::Approx(sigmoid(1) - sigmoid(-2)));
  CHECK(predicted.row(0)[2] == doctest::Approx(sigmoid(-2)));
  CHECK(predicted.row(1)[1] == 0);
  CHECK(predicted.row(1)[2] == 0.5);
  CHECK(task->decide(predicted.row(0), info) == "1");
  CHECK(task->explained_output(std::vector<double>{0, 0.1, 0.9}, info) == 1);
  CHECK(task->explained_output(std::vector<double>{0.9, 0.1, 0}, info) == 0);
  const Manifest manifest = images("ordinal", kGrades, {0, 2});
  const std::vector<std::int64_t> all = all_of(manifest);
  task->set_temperature(info, "val", {manifest, all}, {2, {-1, -1, 1, -1}});
  CHECK(info.temperature > 0);
  CHECK(contains(message_of([&] {
                   task->set_threshold(info, "0.3", {manifest, all}, {});
                 }),
                 "the task ordinal has no threshold"));
  CHECK(contains(message_of([] { make_task("ordinal", {"0"}); }), "at least 2 grades"));
}

TEST_CASE("grades: figures, files and the report") {
  const TemporaryFolder folder;
  const Manifest manifest = images("ordinal", kGrades, {0, 1, 2, 2});
  // Decided 0, 1, 2, 0: the last one is two grades off.
  const ImageValues predictions{3, {.8, .1, .1, .2, .7, .1, .1, .2, .7, .6, .3, .1}};
  const auto result = result_of(manifest, predictions, {}, {.draws = 100});
  result->write(folder.path());
  const auto metrics = json_in(folder, "metrics.json");
  CHECK(metrics["task"] == "ordinal");
  CHECK(metrics["image"]["mae"] == 0.5);
  // 1 - 4 observed / (sum of the products of margins times squared distances, divided by 4)
  CHECK(metrics["study"]["quadratic_kappa"].get<double>() ==
        doctest::Approx(1 - 4.0 / ((1 * 1 + 1 * 4 + 1 * 2 + 1 * 1 + 2 * 2 * 4 + 2 * 1) / 4.0)));
  CHECK(metrics["image"]["classes"]["2+"]["recall"] == 0.5);
  CHECK(result->figures()[4].first == "quadratic_kappa");
  const TaskReport report = result->report(0);
  CHECK(contains(report.lead, "one of 3 grades for 3 of 4 studies"));
  CHECK(contains(report.headline, "Mean error in grades"));
  CHECK(report.score.key == std::string("quadratic_kappa"));
  const auto again = make_task("ordinal", kGrades)->read_result(folder.path());
  const auto compared = result_of(manifest, predictions, {}, {.draws = 50});
  compared->compare(*again, "itself", folder.path());
  CHECK(json_in(folder, "comparison.json")["image"]["quadratic_kappa"]["difference"] == 0);
}

TEST_CASE("several labels: decisions and what is chosen on validation") {
  const auto task = make_task("multilabel", kLabels);
  CHECK(task->thresholds() == 2);
  CHECK(task->outputs() == 2);
  ModelInfo info;
  info.thresholds = {0.5, 0.2};
  const ImageValues predicted = task->predict({2, {0, -1, -3, -3}}, info);
  CHECK(task->decide(predicted.row(0), info) == "hand, hip");
  CHECK(task->decide(predicted.row(1), info) == "none");
  // hand is at its threshold, hip above its own.
  CHECK(task->certainty(predicted.row(0), info) == predicted.row(0)[1]);
  CHECK(task->explained_output(predicted.row(0), info) == 1);
  CHECK(task->columns() == std::vector<std::string>{"probability_hand", "probability_hip"});

  // Bit 0 is hand, bit 1 is hip; of the third image hand is unknown.
  const Manifest manifest = images("multilabel", kLabels, {1, 2, -2, 0});
  const std::vector<std::int64_t> all = all_of(manifest);
  const ImageValues validation{2, {0.9, 0.1, 0.6, 0.7, 0.95, 0.6, 0.2, 0.3}};
  task->set_threshold(info, "val", {manifest, all}, validation);
  CHECK(info.thresholds[0] == doctest::Approx(0.75));  // between 0.9 and 0.6
  CHECK(info.thresholds[1] == doctest::Approx(0.45));  // between 0.6 and 0.3
  task->set_threshold(info, "0.3", {manifest, all}, {});
  CHECK(info.thresholds == std::vector<double>{0.3, 0.3});
  const Manifest one_answer = images("multilabel", kLabels, {3, 2});
  const std::vector<std::int64_t> two = all_of(one_answer);
  CHECK(contains(message_of([&] {
                   task->check_choices("val", "1", {one_answer, two});
                 }),
                 "hip is 2 times 1 and 0 times 0"));
  CHECK(contains(message_of([&] {
                   task->check_classes({"hip", "hand"}, true);
                 }),
                 "trained for the labels hand, hip"));
}

TEST_CASE("several labels: weights of both answers") {
  Manifest manifest = images("multilabel", kLabels, {1, 1, 1, -1, 0, 3});
  const std::vector<std::int64_t> all = all_of(manifest);
  struct Row {
    const char* policy;
    double hand_yes, hand_no, hip_yes, hip_no;
  };
  // hand: 4 times 1, once 0, once unknown; hip: once 1, five times 0.
  const Row rows[] = {{"none", 1, 1, 1, 1},
                      {"balanced", 0.25, 1, 5, 1},
                      {"paper", 0.2, 0.8, 5.0 / 6, 1.0 / 6},
                      {"3", 3, 1, 3, 1}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.policy));
    const auto task = make_task("multilabel", kLabels);
    task->prepare_training(manifest, row.policy, {});
    const std::vector<double> targets = task->targets({manifest, all}, DType::f64).to_vector();
    CHECK(targets[0] == doctest::Approx(row.hand_yes));
    CHECK(targets[3] == doctest::Approx(row.hip_no));
    CHECK(targets[4 * 3] == 0);  // unknown
    CHECK(targets[4 * 3 + 2] == 0);
    CHECK(targets[4 * 4 + 2] == doctest::Approx(row.hand_no));
    CHECK(targets[4 * 5 + 1] == doctest::Approx(row.hip_yes));
  }
  for (Sample& sample : manifest.samples) sample.labels[1] = 0;
  std::string warning;
  const auto task = make_task("multilabel", kLabels);
  task->prepare_training(manifest, "balanced", [&](const std::string& text) { warning = text; });
  CHECK(warning == "the training split has no image with hip 1");
  CHECK(contains(message_of([&] { task->prepare_training(manifest, "0", {}); }),
                 "positive weight '0'"));
}

TEST_CASE("several labels: files, which a comparison reads, and the report") {
  const TemporaryFolder folder;
  const Manifest manifest = images("multilabel", kLabels, {1, 2, -2, 0});
  ModelInfo info;
  info.thresholds = {0.5, 0.4};
  const ImageValues predictions{2, {0.9, 0.1, 0.6, 0.7, 0.95, 0.6, 0.2, 0.3}};
  const auto result = result_of(manifest, predictions, info, {.draws = 100});
  result->write(folder.path());
  CHECK(read_text(folder.path() / "predictions.csv")
            .starts_with("path,study,patient,part,label_hand,label_hip,probability_hand,"
                         "probability_hip\n0,0,0,HAND,1,0,0.9,0.1\n"));
  CHECK(contains(read_text(folder.path() / "studies.csv"), "2,HAND,,1,0.95,0.6,1\n"));
  const auto metrics = json_in(folder, "metrics.json");
  CHECK(metrics["image"]["macro_auroc"] == 1);
  CHECK(metrics["image"]["classes"]["hand"]["n"] == 3);
  CHECK(metrics["image"]["classes"]["hand"]["confusion"]["fp"] == 1);
  CHECK(metrics["study"]["classes"]["hip"]["threshold"] == 0.4);
  CHECK(metrics["parts"]["WRIST"]["image"]["classes"]["hand"]["auroc"].is_null());

  const auto task = make_task("multilabel", kLabels);
  const ImageValues worse{2, {0.1, 0.1, 0.6, 0.7, 0.95, 0.6, 0.2, 0.3}};
  const auto second = result_of(manifest, worse, info, {.draws = 100});
  second->compare(*task->read_result(folder.path()), "the first", folder.path());
  const auto comparison = json_in(folder, "comparison.json");
  CHECK(comparison["image"]["auroc_hand"]["difference"] == -1);
  CHECK(comparison["image"]["auroc_hip"]["difference"] == 0);
  CHECK_FALSE(comparison["image"].contains("mcnemar"));
  std::ostringstream table;
  second->print(table);
  CHECK(contains(table.str(), "compared with the first"));
  CHECK_FALSE(contains(table.str(), "McNemar"));

  const TaskReport report = second->report(0);
  CHECK(contains(report.lead, "answers 2 questions about each of 4 studies: hand, hip"));
  CHECK(contains(report.details, "also hip"));
  CHECK(contains(report.details, "AUROC of hand"));
  // Wrong: the first (hand missed) and the second (hand seen).
  REQUIRE(report.galleries[0].images.size() == 2);
  CHECK(report.galleries[0].images[0].label == "hand");
  CHECK(report.galleries[0].images[0].decision == "none");
  CHECK(report.galleries[1].images.size() == 2);

  folder.write("predictions.csv",
               "path,study,patient,part,label_hand,label_hip,probability_hand,probability_hip\n"
               "0,0,0,,2,0,1,0\n");
  CHECK(contains(message_of([&] { task->read_result(folder.path()); }),
                 "predictions.csv:2: label \"2\" is not 0, 1 or empty"));
}

TEST_CASE("unknown labels: not shown as right, and no partner of other labels") {
  ModelInfo info;
  info.thresholds = {0.5, 0.5};
  Manifest manifest = images("multilabel", kLabels, {1, 3, 1, 0});
  manifest.samples[2].labels = {1, kUnknown};
  manifest.samples[3].labels = {kUnknown, kUnknown};
  const auto result = result_of(manifest, {2, {0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1}}, info);
  const TaskReport report = result->report(0);
  CHECK(report.galleries[0].images.empty());
  CHECK(report.galleries[1].images.size() == 2);  // of three with hand; none of no label
  // Of two studies with hand and a known hip one has both.
  CHECK(contains(report.details, "1<small>50.0 % of the row</small>"));
  CHECK(label_text(manifest, manifest.samples[3]) == "unknown");
}

TEST_CASE("a label that is 0 and 1 in one study, and an unknown one") {
  const auto image = [](const char* path, std::vector<std::int8_t> labels) -> LabelPrediction {
    return {{path, "s", "p", ""}, std::move(labels), {0.2, 0.6}};
  };
  const std::vector<LabelStudy> studies =
      aggregate_label_studies({image("a", {kUnknown, 1}), image("b", {1, kUnknown})}, kLabels);
  REQUIRE(studies.size() == 1);
  CHECK(studies[0].labels == std::vector<std::int8_t>{1, 1});
  CHECK(studies[0].views == 2);
  CHECK(contains(message_of([&] {
                   aggregate_label_studies({image("a", {0, 1}), image("b", {1, 1})}, kLabels);
                 }),
                 "study s: hand is 0 and 1 in its images, among them b"));
}

TEST_CASE("a number: its unit comes from the training labels") {
  const auto task = make_task("regression", kNumber);
  Manifest manifest = images("regression", kNumber, {10, 30, 50, 1000});
  manifest.samples[3].split = Split::val;
  const std::vector<double> weights = task->prepare_training(manifest, "paper", {});
  CHECK(weights == std::vector<double>(4, 1));
  ModelInfo info;
  task->save(info);
  CHECK(info.target_mean == 30);
  CHECK(info.target_std == doctest::Approx(std::sqrt(800.0 / 3)));
  const std::vector<std::int64_t> all = all_of(manifest);
  CHECK(task->targets({manifest, all}, DType::f64).to_vector()[1] == 0);
  const auto loaded = make_task("regression", kNumber);
  CHECK(loaded->predict({1, {0, 1}}, info).values[1] == 30 + info.target_std);
  ModelInfo other;  // each of several averaged models has its own unit
  other.target_mean = 5;
  CHECK(loaded->predict({1, {0, 1}}, other).values[1] == 6);
  CHECK(loaded->decide(std::vector<double>{42}, info) == "age");
  CHECK(loaded->certainty(std::vector<double>{42}, info) == 42);
  CHECK(contains(message_of([&] { task->prepare_training(manifest, "2", {}); }),
                 "the task regression has no classes"));
  CHECK(contains(message_of([&] {
                   task->check_choices("0.5", "val", {manifest, all});
                 }),
                 "has no probabilities"));
  for (Sample& sample : manifest.samples) sample.value = 7;
  CHECK(contains(message_of([&] { task->prepare_training(manifest, "none", {}); }),
                 "all training images have the age 7"));
  CHECK(contains(message_of([] { make_task("regression", {"a", "b"}); }), "has one number"));
}

TEST_CASE("a number: files, which a comparison reads, and the report") {
  const TemporaryFolder folder;
  const Manifest manifest = images("regression", kNumber, {10, 20, 30, 40});
  const auto result = result_of(manifest, {1, {8, 20, 32, 44}}, {}, {.draws = 100});
  result->write(folder.path());
  CHECK(read_text(folder.path() / "predictions.csv")
            .starts_with("path,study,patient,part,label,predicted\n0,0,0,HAND,10,8\n"));
  const auto metrics = json_in(folder, "metrics.json");
  CHECK(metrics["image"]["mae"] == 2);
  CHECK(metrics["study"]["bias"] == 1);
  CHECK(metrics["parts"]["WRIST"]["image"]["n"] == 2);
  const auto task = make_task("regression", kNumber);
  const auto second = result_of(manifest, {1, {10, 20, 30, 40}}, {}, {.draws = 100});
  second->compare(*task->read_result(folder.path()), "the first", folder.path());
  CHECK(json_in(folder, "comparison.json")["study"]["mae"]["difference"] == -2);
  const TaskReport report = result->report(0);
  CHECK(contains(report.lead, "predicts age of 4 studies with a mean absolute error of 2.000"));
  CHECK(contains(report.details, "limits of agreement"));
  REQUIRE(report.galleries[0].images.size() == 2);
  CHECK(report.galleries[0].images[0].label == "40.0");
  CHECK(report.galleries[0].images[0].decision == "44.0");
  CHECK(contains(message_of([&] {
                   result_of(manifest, {1, {8, std::nan(""), 32, 44}}, {});
                 }),
                 "1: the prediction nan is not finite"));
}
