// A run with several classes, from training to prediction.
#include <doctest/doctest.h>

#include <algorithm>

#include "eval/class_task.h"
#include "eval/predict_files.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_tasks.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

// DIR/SPLIT/CLASS/N.png
void write_three_classes(const fs::path& folder) {
  std::uint64_t number = 0;
  for (const std::string split : {"train", "val", "test"})
    for (const auto& [name, kind] : {std::pair{"upper", 2}, {"lower", 0}, {"left", 1}}) {
      fs::create_directories(folder / split / name);
      for (int i = 0; i < (split == "train" ? 16 : 5); ++i)
        write_png(folder / split / name / (std::to_string(i) + ".png"),
                  tiny_image_of_kind(kind, number++));
    }
}

}  // namespace

TEST_CASE("a run with three classes learns them, and its model predicts by their names") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  write_three_classes(data);
  TrainOptions options = tiny_options(data, folder.path() / "run");
  options.epochs = 5;
  options.augment = "none";
  options.temperature = "val";
  Trainer trainer(options);
  trainer.train();
  const auto result = trainer.evaluate_best();
  const auto& evaluation = dynamic_cast<const ClassResult&>(*result).evaluation;
  CHECK(evaluation.overall.image.n == 15);
  CHECK(*evaluation.overall.image.values[overall_figure("macro_auroc")] > 0.9);

  const auto config = nlohmann::json::parse(read_text(options.out / "config.json"));
  CHECK(config["task"] == "auto");
  CHECK(config["splits"]["train"]["labelled left"] == 16);
  CHECK_FALSE(config["splits"]["train"].contains("abnormal"));
  CHECK(read_lines(options.out / "log.jsonl").back().contains("macro_auroc"));
  CHECK(contains(read_text(options.out / "report.html"), "classified as upper"));

  const TrainedModel trained = load_model(options.out);
  const ModelInfo& info = trained.info;
  CHECK(info.task == "multiclass");
  CHECK(info.classes == std::vector<std::string>{"left", "lower", "upper"});
  CHECK(info.temperature != 1);
  PredictOptions predict;
  predict.cam = folder.path() / "maps";
  const FilePredictions predictions =
      predict_files({&trained, 1}, info, list_images({data / "test/upper"}), predict);
  REQUIRE(predictions.images.size() == 5);
  CHECK(std::ranges::count(predictions.images, "upper", &FilePrediction::decision) >= 4);
  for (const FilePrediction& image : predictions.images) {
    CHECK(image.certainty == std::ranges::max(image.prediction));
    CHECK(fs::exists(image.heat_map));
  }
  write_file_predictions_json(folder.path() / "predictions.json", predictions, info);
  const auto json = nlohmann::json::parse(read_text(folder.path() / "predictions.json"));
  CHECK_FALSE(json.contains("threshold"));
  CHECK(json["images"][0].contains("probability_lower"));
}

TEST_CASE("classes and options that do not match the task") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  write_three_classes(data);
  struct Row {
    const char* name;
    void (*change)(TrainOptions&);
    const char* error;
  };
  const Row rows[] = {
      {"binary", [](TrainOptions& o) { o.task = "binary"; }, "the task binary needs two"},
      {"positive", [](TrainOptions& o) { o.positive = "left"; }, "has no positive class"},
      {"threshold", [](TrainOptions& o) { o.threshold = "val"; }, "has no threshold"},
      {"weight", [](TrainOptions& o) { o.positive_weight = "3"; },
       "choose paper, balanced or none"}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    TrainOptions options = tiny_options(data, folder.path() / row.name);
    row.change(options);
    CHECK(contains(message_of([&] { Trainer trainer(options); }), row.error));
    CHECK_FALSE(fs::exists(options.out / "config.json"));
  }
}
