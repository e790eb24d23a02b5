// Runs with grades, several labels and numbers, from training and resuming to prediction.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "eval/predict_files.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_run.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

// Bright in the lower half (0), in the left half (1) or in the upper half (2).
Image tiny_image(int kind, std::uint64_t number) {
  Image image = tiny_radiograph(kind == 2, number);
  if (kind != 1) return image;
  for (std::int64_t y = 0; y < image.height; ++y)
    for (std::int64_t x = 0; x < y; ++x)
      std::swap(image.pixels[static_cast<std::size_t>(y * image.width + x)],
                image.pixels[static_cast<std::size_t>(x * image.width + y)]);
  return image;
}

// images/N.png and set.csv with a grade, two labels (one of them unknown now and then) and a
// number.
fs::path write_set(const fs::path& folder) {
  fs::create_directories(folder / "images");
  std::ofstream list(folder / "set.csv");
  list << "path,grade,upper,left,months,split\n";
  int number = 0;
  for (const std::string split : {"train", "val", "test"})
    for (int i = 0; i < (split == "train" ? 48 : 15); ++i, ++number) {
      const int kind = number % 3;
      const std::string path = format("images/", number, ".png");
      write_png(folder / path, tiny_image(kind, static_cast<std::uint64_t>(number)));
      list << path << "," << kind << "," << (kind == 2) << ","
           << (number % 7 == 6 ? ""
               : kind == 1     ? "1"
                               : "0")
           << "," << 100 + 50 * kind << "," << split << "\n";
    }
  return folder / "set.csv";
}

struct Kind {
  const char* task;
  void (*set)(TrainOptions&);
  const char* figure;  // of the log, and its bound
  double bound;
  const char* column;  // of a prediction
};

const Kind kKinds[] = {
    {"ordinal", [](TrainOptions& o) { o.label_column = "grade"; }, "quadratic_kappa", 0.8,
     "probability_2"},
    {"multilabel",
     [](TrainOptions& o) {
       o.labels = {"upper", "left"};
     },
     "macro_auroc", 0.9, "probability_left"},
    {"regression", [](TrainOptions& o) { o.label_column = "months"; }, "r2", 0.6, "predicted"}};

TrainOptions options_for(const Kind& kind, const fs::path& data, const fs::path& out) {
  TrainOptions options = tiny_options(data, out);
  options.task = kind.task;
  kind.set(options);
  options.augment = "none";
  options.schedule = "constant";
  options.positive_weight = "none";
  return options;
}

}  // namespace

TEST_CASE("a run of each task learns it, and its model predicts by the names of its columns") {
  const TemporaryFolder folder;
  const fs::path data = write_set(folder.path());
  for (const Kind& kind : kKinds) {
    CAPTURE(std::string(kind.task));
    TrainOptions options = options_for(kind, data, folder.path() / kind.task);
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
    CHECK(info.task == kind.task);
    CHECK(info.label_column == options.label_column);
    CHECK((info.target_mean != 0) == (info.task == "regression"));
    PredictOptions predict;
    predict.cam = folder.path() / "maps" / kind.task;
    const FilePredictions predictions =
        predict_files({&trained, 1}, info, list_images({folder.path() / "images"}), predict);
    CHECK(std::ranges::find(predictions.columns, kind.column) != predictions.columns.end());
    CHECK(predictions.failures.empty());
    CHECK(fs::exists(predictions.images.front().heat_map));
  }
}

TEST_CASE("a resumed run of each task has the weights of an uninterrupted one, bit for bit") {
  const TemporaryFolder folder;
  const fs::path data = write_set(folder.path());
  for (const Kind& kind : kKinds) {
    CAPTURE(std::string(kind.task));
    const auto run = [&](const char* name, std::int64_t epochs, bool resume) {
      TrainOptions options =
          options_for(kind, data, folder.path() / (std::string(kind.task) + name));
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
  const fs::path data = write_set(folder.path());
  struct Row {
    const char* name;
    const Kind& kind;
    void (*change)(TrainOptions&);
    const char* error;
  };
  const Row rows[] = {
      {"threshold of grades", kKinds[0], [](TrainOptions& o) { o.threshold = "val"; },
       "the task ordinal has no threshold"},
      {"weight of grades", kKinds[0], [](TrainOptions& o) { o.positive_weight = "3"; },
       "choose paper, balanced or none"},
      {"smoothed numbers", kKinds[2], [](TrainOptions& o) { o.loss_smoothing = 0.1; },
       "the task regression has no classes"},
      {"temperature of numbers", kKinds[2], [](TrainOptions& o) { o.temperature = "val"; },
       "has no probabilities"},
      {"no such column", kKinds[1],
       [](TrainOptions& o) {
         o.labels = {"upper", "right"};
       },
       "no column \"right\"; the header has path, grade"},
      {"one label of many", kKinds[1], [](TrainOptions& o) { o.task = "multiclass"; },
       "has one label per image"}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    TrainOptions options = options_for(row.kind, data, folder.path() / row.name);
    row.change(options);
    CHECK(contains(message_of([&] { Trainer trainer(options); }), row.error));
    CHECK_FALSE(fs::exists(options.out / "config.json"));
  }
}
