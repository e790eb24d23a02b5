// The runs of a cross-validation, evaluated together.
#include "eval/pool_folds.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "eval/binary_task.h"
#include "tests/support/message_of.h"
#include "tests/support/run_program.h"
#include "tests/support/tiny_run.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

// A list of images without splits, of two parts.
fs::path write_classes(const fs::path& folder, const std::vector<std::string>& classes) {
  std::uint64_t number = 0;
  std::string list = "path,label,part\n";
  for (const std::string& name : classes) {
    fs::create_directories(folder / name);
    for (int i = 0; i < 12; ++i) {
      const std::string path = format(name, "/", i, ".png");
      write_png(folder / path, tiny_radiograph(name == "abnormal", number++));
      list += format(path, ",", name, ",", i % 2 == 0 ? "LEG" : "HAND", "\n");
    }
  }
  std::ofstream(folder / "list.csv") << list;
  return folder / "list.csv";
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
  const fs::path data = write_classes(folder.path() / "data", {"normal", "abnormal"}),
                 out = folder.path() / "all";
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

  // eval_mura takes the fold that the model did not see, also with one part of it.
  const fs::path again = folder.path() / "again", hands = folder.path() / "hands";
  const std::string command =
      format("eval_mura --quiet --checkpoint ", runs[1].string(), " --data ", data.string());
  REQUIRE(run_program(format(command, " --out ", again.string())).status == 0);
  const std::string tested = read_text(runs[1] / "predictions.csv");
  CHECK(read_text(again / "predictions.csv") == tested);
  REQUIRE(run_program(format(command, " --parts HAND --out ", hands.string())).status == 0);
  std::istringstream lines(read_text(hands / "predictions.csv"));
  int of_hands = -1;  // without the header
  for (std::string line; std::getline(lines, line); ++of_hands) CHECK(contains(tested, line));
  CHECK(of_hands > 0);

  const nlohmann::json config = nlohmann::json::parse(read_text(runs[1] / "config.json"));
  CHECK(config["folds"] == 3);
  CHECK(config["fold"] == 1);
  const ModelInfo info = load_model(runs[1]).info;
  CHECK(info.split.folds == FoldOptions{3, 1});

  CHECK(contains(message_of([&] {
                   pool_folds({runs[0], runs[0]}, {}, out, quiet);
                 }),
                 "was evaluated by another of these runs"));
  const fs::path others = write_classes(folder.path() / "others", {"a", "b", "c"});
  runs[2] = run_fold(others, folder.path() / "classes", 3, 2);
  CHECK(contains(message_of([&] { pool_folds(runs, {}, out, quiet); }),
                 "has binary (normal, abnormal) and"));
}
