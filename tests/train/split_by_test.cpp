// A run whose splits a column defines, and its evaluation by eval_mura.
#include <doctest/doctest.h>

#include <string>

#include "eval/model_file.h"
#include "tests/support/message_of.h"
#include "tests/support/run_program.h"
#include "tests/support/tiny_run.h"
#include "train/trainer.h"

using namespace osteon;
namespace fs = std::filesystem;

namespace {

// A list of 40 images of three clinics, of which the second has 24.
fs::path write_clinics(const fs::path& folder) {
  fs::create_directories(folder);
  std::string list = "path,label,clinic\n";
  for (int i = 0; i < 40; ++i) {
    const bool abnormal = i % 2 == 1;
    const std::string path = format(i, ".png");
    write_png(folder / path, tiny_radiograph(abnormal, static_cast<std::uint64_t>(i)));
    list += format(path, ",", abnormal ? "abnormal" : "normal", ",",
                   i < 8    ? "first"
                   : i < 32 ? "second"
                            : "third",
                   "\n");
  }
  std::ofstream(folder / "list.csv") << list;
  return folder / "list.csv";
}

}  // namespace

TEST_CASE("a model remembers the column that defines its splits") {
  const TemporaryFolder folder;
  const fs::path data = write_clinics(folder.path() / "data"), run = folder.path() / "run";
  TrainOptions options = tiny_options(data, run);
  options.epochs = 1;
  options.split_by = "clinic";
  options.val_fraction = 0.3;
  {
    Trainer trainer(options);
    trainer.train();
    trainer.evaluate_best();
  }
  CHECK(load_model(run).info.split.split_by == "clinic");
  const nlohmann::json config = nlohmann::json::parse(read_text(run / "config.json"));
  CHECK(config["split_by"] == "clinic");
  CHECK(config["splits"]["test"]["images"] == 16);

  const std::string command =
      format("eval_mura --quiet --checkpoint ", run.string(), " --data ", data.string());
  struct Row {
    std::string options;
    bool same_test;
  };
  for (const Row& row :
       {Row{"", true}, Row{" --split-by clinic", true}, Row{" --split-by none", false}}) {
    CAPTURE(row.options);
    const fs::path out = folder.path() / ("again" + row.options);
    REQUIRE(run_program(format(command, row.options, " --out '", out.string(), "'")).status == 0);
    CHECK((read_text(out / "predictions.csv") == read_text(run / "predictions.csv")) ==
          row.same_test);
  }
  const auto other = run_program(format(command, " --split-by ward --out ", run.string(), "-2"));
  CHECK(other.status == 2);
  CHECK(contains(other.output, "no such column; the header has path, label, clinic"));

  options.out = folder.path() / "folds";
  options.folds = 3;
  CHECK(contains(message_of([&] { Trainer trainer(options); }), "or --split-by does"));
}
