// The task of two classes by its interface: predictions, decisions, choices on validation, and
// means of several models.
#include "eval/task.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "eval/binary_task.h"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

const std::vector<std::string> kClasses{"normal", "abnormal"};

// Four images, each a study and patient of its own, of labels 0, 0, 1, 1.
Manifest four_images() {
  Manifest manifest{"csv", "data", kClasses, {}, {}};
  manifest.source = "data";
  for (const int label : {0, 0, 1, 1}) {
    const std::string name = std::to_string(manifest.samples.size());
    manifest.samples.push_back({name, label, name, name, "", Split::val});
  }
  return manifest;
}

const std::vector<std::int64_t> kAll{0, 1, 2, 3};

}  // namespace

TEST_CASE("tasks are made by name, from classes that match") {
  CHECK(std::string(make_task("binary", kClasses)->name()) == "binary");
  CHECK(contains(message_of([] { make_task("segmentation", kClasses); }), "known are binary"));
  CHECK(contains(message_of([] {
                   make_task("binary", {"a", "b", "c"});
                 }),
                 "2 classes, but there are 3: a, b, c"));
}

TEST_CASE("probabilities and decisions of a model") {
  const auto task = make_task("binary", kClasses);
  ModelInfo info;
  info.temperature = 2;
  info.thresholds = {0.5};
  const ImageValues predicted = task->predict({1, {0, 4, -4}}, info);
  REQUIRE(predicted.rows() == 3);
  CHECK(predicted.row(0)[0] == 0.5);
  CHECK(predicted.row(1)[0] == doctest::Approx(1 / (1 + std::exp(-2))));
  CHECK(task->decide(predicted.row(0), info) == "abnormal");  // the threshold itself is positive
  CHECK(task->decide(predicted.row(2), info) == "normal");
}

TEST_CASE("the mean over models, and one that rounding carries past 1") {
  ImageValues mean;
  add_share(mean, {1, {0.25, 1}}, 2);
  add_share(mean, {1, {0.75, 0}}, 2);
  CHECK(mean.values == std::vector<double>{0.5, 0.5});

  const auto task = make_task("binary", kClasses);
  const Manifest manifest = four_images();
  const double past = 1 + std::numeric_limits<double>::epsilon();
  const auto result = task->evaluate({manifest, kAll}, {1, {0, 0.25, 0.5, past}}, {}, {});
  CHECK(dynamic_cast<const BinaryResult&>(*result).predictions[3].probability == 1);
  CHECK(result->figures()[0] == NamedFigure{"auroc", 1.0});
}

TEST_CASE("threshold and temperature: numbers, or chosen on validation") {
  const auto task = make_task("binary", kClasses);
  const Manifest manifest = four_images();
  const Samples samples{manifest, kAll};
  ModelInfo info;
  task->set_threshold(info, "0.3", samples, {});
  CHECK(info.thresholds[0] == 0.3);
  task->set_threshold(info, "val", samples, {1, {0.1, 0.2, 0.6, 0.7}});
  CHECK(info.thresholds[0] == doctest::Approx(0.4));  // half-way between the classes
  task->set_temperature(info, "3", samples, {});
  CHECK(info.temperature == 3);
  task->set_temperature(info, "val", samples, {1, {-4, 4, -4, 4}});  // right half of the time
  CHECK(info.temperature == doctest::Approx(100));                   // the largest

  const std::vector<std::int64_t> normal{0, 1};
  CHECK(contains(message_of([&] {
                   task->check_choices("val", "1", {manifest, normal});
                 }),
                 "data: --threshold val and --temperature val need both classes"));
  task->check_choices("0.5", "1", {manifest, normal});
  task->check_choices("val", "val", samples);
}
