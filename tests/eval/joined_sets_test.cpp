// Figures of joined data sets, and the table of data sets that a model never saw.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "eval/report/report.h"
#include "eval/task.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_run.h"

using namespace osteon;

namespace {

struct Kind {
  const char* task;
  std::vector<std::string> classes;
  std::vector<double> right, wrong;  // predictions of an image with the label 1
  const char* figure;
  double best;
};

const Kind kKinds[] = {{"binary", {"normal", "abnormal"}, {0.9}, {0.1}, "accuracy", 1},
                       {"multiclass", {"a", "b"}, {0.1, 0.9}, {0.9, 0.1}, "accuracy", 1},
                       {"ordinal", {"0", "1"}, {0.1, 0.9}, {0.9, 0.1}, "mae", 0},
                       {"multilabel", {"x"}, {0.9}, {0.1}, "macro_auroc", 1},
                       {"regression", {"age"}, {1}, {5}, "mae", 0}};

// Two sets of eight images with the labels 0 and 1 in turn; the predictions are right for the
// first.
std::unique_ptr<TaskResult> result_of(const Kind& kind) {
  Manifest manifest;
  manifest.task = kind.task;
  manifest.classes = kind.classes;
  manifest.sets = {"one", "two"};
  ImageValues predictions{std::ssize(kind.right), {}};
  std::vector<std::int64_t> all;
  for (int i = 0; i < 16; ++i) {
    const std::string set = i < 8 ? "one" : "two", name = set + "/" + std::to_string(i);
    Sample sample{name, i % 2, name, name};
    sample.labels = {static_cast<std::int8_t>(i % 2)};
    sample.value = i % 2;
    manifest.samples.push_back(sample);
    all.push_back(i);
    const bool is_one = i % 2 == 1, is_right = i < 8;
    std::vector<double> prediction = is_right == is_one ? kind.right : kind.wrong;
    if (manifest.task == "regression") prediction = {is_right ? sample.value : 5.0};
    predictions.values.insert(predictions.values.end(), prediction.begin(), prediction.end());
  }
  return make_task(kind.task, kind.classes)
      ->evaluate({manifest, all}, predictions, {}, {.draws = 20});
}

}  // namespace

TEST_CASE("each task has figures of every joined set") {
  for (const Kind& kind : kKinds) {
    CAPTURE(std::string(kind.task));
    const TemporaryFolder folder;
    const auto result = result_of(kind);
    result->write(folder.path());
    const auto metrics = nlohmann::json::parse(read_text(folder.path() / "metrics.json"));
    CHECK(metrics["sets"]["one"]["image"]["n"] == 8);
    for (const char* level : {"image", "study"}) {
      CHECK(metrics["sets"]["one"][level][kind.figure] == kind.best);
      CHECK(metrics["sets"]["two"][level][kind.figure] != kind.best);
    }
    std::ostringstream table;
    result->print(table);
    CHECK(contains(table.str(), "\ntwo"));
    CHECK(contains(result->report(0).details, "By data set"));
  }
}

TEST_CASE("robustness: shown for sets that the model was not trained on, beside its own") {
  struct Row {
    std::vector<std::string> trained_on, evaluated_on;
    std::size_t rows;
  };
  const Row rows[] = {{{}, {"one", "two"}, 0},
                      {{"one", "two"}, {"one", "two"}, 0},
                      {{"one"}, {"one", "two"}, 3},
                      {{"three"}, {"one", "two"}, 3}};
  const TemporaryFolder folder;
  const auto result = result_of(kKinds[0]);
  std::filesystem::create_directories(folder.path() / "run");
  std::filesystem::create_directories(folder.path() / "out");
  result->write(folder.path() / "run");
  result->write(folder.path() / "out");
  for (const Row& row : rows) {
    CAPTURE(row.rows);
    ModelInfo info;
    info.data_names = row.trained_on;
    const RobustnessTable table = robustness_of(info, row.evaluated_on, *result,
                                                folder.path() / "run", folder.path() / "out");
    CHECK(table.rows.size() == row.rows);
    if (row.rows == 0) {
      CHECK(robustness_section(table).empty());
      continue;
    }
    CHECK(table.figures == std::vector<std::string>{"auroc", "accuracy", "kappa"});
    CHECK(table.rows[0].evaluated_on == row.trained_on[0] + ", its test images");
    CHECK(table.rows[1].evaluated_on == (row.trained_on[0] == "one" ? "one, other images" : "one"));
    CHECK(table.rows[1].cells[1].starts_with("1.000"));
    CHECK(table.rows[2].images == 8);
    CHECK(contains(robustness_section(table), "<h2>Robustness</h2>"));
  }
  ModelInfo info;
  info.data_names = {"one"};
  result->trained_on = 3;  // under another name
  CHECK(robustness_of(info, {"two"}, *result, "", folder.path() / "out").rows.empty());
  result->trained_on = 0;
  // Without a run beside the model, and in the run's own folder, there is no row of its test
  // images.
  CHECK(robustness_of(info, {"one", "two"}, *result, "", folder.path() / "out").rows.size() == 2);
  CHECK(robustness_of(info, {"one", "two"}, *result, folder.path() / "out", folder.path() / "out")
            .rows.size() == 2);
}
