// Runs with grades, several labels and numbers, from training and resuming to prediction.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "eval/predict_files.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_tasks.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

TrainOptions options_for(const TinyTask& kind, const fs::path& data, const fs::path& out) {
  TrainOptions options = tiny_options(data, out);
  options.task = kind.name;
  kind.set(options);
  options.augment = "none";
  options.schedule = "constant";
  options.positive_weight = "none";
  return options;
}

}  // namespace

TEST_CASE("a run of each task learns it, and its model predicts by the names of its columns") {
  const TemporaryFolder folder;
  const fs::path data = write_task_set(folder.path());
  for (const TinyTask& kind : kTinyTasks) {
    CAPTURE(std::string(kind.name));
    TrainOptions options = options_for(kind, data, folder.path() / kind.name);
    options.epochs = 8;
    Trainer trainer(options);
    trainer.train();
    const auto figures = trainer.evaluate_best()->figures();
    const auto figure = std::ranges::find(figures, kind.figure, &NamedFigure::first);
    REQUIRE(figure != figures.end());
    CHECK(*figure->second > kind.bound);
    CHECK(read_lines(options.out / "log.jsonl").back().contains(kind.figure));
    CHECK(contains(read_text(options.out / "report.html"), "Learning curves"));

    const TrainedModel trained = load_model(options.out);
    const ModelInfo& info = trained.info;
    CHECK(info.task == kind.name);
    CHECK(info.label_column == options.label_column);
    CHECK((info.target_mean != 0) == (info.task == "regression"));
    PredictOptions predict;
    predict.cam = folder.path() / "maps" / kind.name;
    const FilePredictions predictions =
        predict_files({&trained, 1}, info, list_images({folder.path() / "images"}), predict);
    CHECK(std::ranges::find(predictions.columns, kind.column) != predictions.columns.end());
    CHECK(predictions.failures.empty());
    CHECK(fs::exists(predictions.images.front().heat_map));
  }
}

TEST_CASE("a resumed run of each task has the weights of an uninterrupted one, bit for bit") {
  const TemporaryFolder folder;
  const fs::path data = write_task_set(folder.path());
  for (const TinyTask& kind : kTinyTasks) {
    CAPTURE(std::string(kind.name));
    const auto run = [&](const char* name, std::int64_t epochs, bool resume) {
      TrainOptions options =
          options_for(kind, data, folder.path() / (std::string(kind.name) + name));
      options.epochs = epochs;
      options.resume = resume;
      options.mixup = 0.4;
      options.ema = 0.9;
      options.positive_weight = "balanced";
      options.loss_smoothing = options.task == "regression" ? 0 : 0.1;
      Trainer(options).train();
      return record_of(options.out);
    };
    const RunRecord whole = run("whole", 3, false);
    run("parts", 1, false);
    CHECK(run("parts", 3, true) == whole);
  }
}

TEST_CASE("options that the task does not have") {
  const TemporaryFolder folder;
  const fs::path data = write_task_set(folder.path());
  struct Row {
    const char* name;
    const TinyTask& kind;
    void (*change)(TrainOptions&);
    const char* error;
  };
  const Row rows[] = {
      {"threshold of grades", kTinyTasks[0], [](TrainOptions& o) { o.threshold = "val"; },
       "the task ordinal has no threshold"},
      {"weight of grades", kTinyTasks[0], [](TrainOptions& o) { o.positive_weight = "3"; },
       "choose paper, balanced or none"},
      {"smoothed numbers", kTinyTasks[2], [](TrainOptions& o) { o.loss_smoothing = 0.1; },
       "the task regression has no classes"},
      {"temperature of numbers", kTinyTasks[2], [](TrainOptions& o) { o.temperature = "val"; },
       "has no probabilities"},
      {"no such column", kTinyTasks[1],
       [](TrainOptions& o) {
         o.labels = {"upper", "right"};
       },
       "no column \"right\"; the header has path, grade"},
      {"one label of many", kTinyTasks[1], [](TrainOptions& o) { o.task = "multiclass"; },
       "has one label per image"}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    TrainOptions options = options_for(row.kind, data, folder.path() / row.name);
    row.change(options);
    CHECK(contains(message_of([&] { Trainer trainer(options); }), row.error));
    CHECK_FALSE(fs::exists(options.out / "config.json"));
  }
}
