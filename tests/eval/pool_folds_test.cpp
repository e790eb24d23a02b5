// The runs of a cross-validation, evaluated together.
#include "eval/pool_folds.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "eval/binary_task.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_run.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

// DIR/CLASS/N.png, without splits.
void write_classes(const fs::path& folder, const std::vector<std::string>& classes) {
  std::uint64_t number = 0;
  for (const std::string& name : classes) {
    fs::create_directories(folder / name);
    for (int i = 0; i < 12; ++i)
      write_png(folder / name / (std::to_string(i) + ".png"),
                tiny_radiograph(name == "abnormal", number++));
  }
}

// A run of one epoch with this fold as test.
fs::path run_fold(const fs::path& data, const fs::path& out, std::int64_t folds,
                  std::int64_t fold) {
  TrainOptions options = tiny_options(data, out);
  options.epochs = 1;
  options.folds = folds;
  options.fold = fold;
  Trainer trainer(options);
  trainer.train();
  trainer.evaluate_best();
  return out;
}

}  // namespace

TEST_CASE("all folds together test each image once") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", out = folder.path() / "all";
  write_classes(data, {"normal", "abnormal"});
  std::vector<fs::path> runs;
  for (std::int64_t fold = 0; fold < 3; ++fold)
    runs.push_back(run_fold(data, folder.path() / format("run", fold), 3, fold));
  Progress quiet(true);
  const auto result = pool_folds(runs, {.bootstrap = {.draws = 50}}, out, quiet);
  const auto& pooled = dynamic_cast<const BinaryResult&>(*result);
  CHECK(pooled.evaluation.overall.image.n == 24);
  CHECK(pooled.evaluation.overall.image.positives == 12);
  std::set<std::string> paths;
  for (const Prediction& image : pooled.predictions) paths.insert(image.path);
  CHECK(paths.size() == 24);
  CHECK(contains(read_text(out / "report.html"), "test images of 3 folds"));
  CHECK(fs::exists(out / "metrics.json"));

  // A model evaluates the fold that it did not see.
  const nlohmann::json config = nlohmann::json::parse(read_text(runs[1] / "config.json"));
  CHECK(config["folds"] == 3);
  CHECK(config["fold"] == 1);
  const ModelInfo info = load_model(runs[1]).info;
  CHECK(info.split.folds == FoldOptions{3, 1});

  CHECK(contains(message_of([&] {
                   pool_folds({runs[0], runs[0]}, {}, out, quiet);
                 }),
                 "was evaluated by another of these runs"));
  const fs::path others = folder.path() / "others";
  write_classes(others, {"a", "b", "c"});
  runs[2] = run_fold(others, folder.path() / "classes", 3, 2);
  CHECK(contains(message_of([&] { pool_folds(runs, {}, out, quiet); }),
                 "has binary (normal, abnormal) and"));
}
