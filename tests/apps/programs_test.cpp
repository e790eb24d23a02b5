// The programs as a user runs them: exit status and the one line that names the fault.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "base/csv_table.h"
#include "base/instruction_set.h"
#include "base/json.h"
#include "data/image/image.h"
#include "eval/comparison.h"
#include "eval/model_file.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "tensor/safetensors.h"
#include "tests/support/message_of.h"
#include "tests/support/run_program.h"
#include "tests/support/tiny_data.h"

using namespace osteon;

namespace {

using Result = ProgramResult;

Result run(const std::string& command) { return run_program(command); }

}  // namespace

TEST_CASE("train, then evaluate, as the README does") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  const std::string data = (folder.path() / "data").string(),
                    out = (folder.path() / "run").string();
  const Result trained =
      run("train_mura --data " + data + " --out " + out +
          " --arch resnet18 --image-size 32 --batch-size 8 --epochs 1 --threads 1");
  CAPTURE(trained.output);
  CHECK(trained.status == 0);
  CHECK(contains(trained.output, "epoch 1/1"));
  CHECK(contains(trained.output, "AUROC"));
  CHECK(contains(trained.output, "confusion matrix"));

  // Evaluating the checkpoint again, by any of its names, gives the same figures.
  for (const std::string& checkpoint : {out, out + "/best", out + "/best/model.safetensors"}) {
    CAPTURE(checkpoint);
    const std::string again = (folder.path() / "again").string();
    const Result evaluated = run("eval_mura --checkpoint " + checkpoint + " --data " + data +
                                 " --out " + again + " --threads 1");
    CAPTURE(evaluated.output);
    CHECK(evaluated.status == 0);
    CHECK(std::system(("cmp " + out + "/predictions.csv " + again + "/predictions.csv").c_str()) ==
          0);
    CHECK(std::system(("cmp " + out + "/metrics.json " + again + "/metrics.json").c_str()) == 0);
  }
}

TEST_CASE("published weights become a file for --init, with their origin and licence") {
  const TemporaryFolder folder;
  const std::string here = folder.path().string();
  NamedTensors published;  // under other names, without a head
  for (const auto& [name, tensor] : state_dict(*make_model("mobilenet_v2")).tensors)
    if (!name.starts_with("classifier")) published.tensors.emplace_back("net." + name, tensor);
  write_safetensors(folder.path() / "net.safetensors", published);
  const std::string convert = "convert_weights --init " + here + "/net.safetensors --out " + here +
                              "/converted.safetensors --arch ";
  const Result converted = run(convert + "mobilenet_v2 --source 'a page' --licence MIT");
  CAPTURE(converted.output);
  CHECK(converted.status == 0);
  CHECK(contains(converted.output, "start from random values (missing)"));
  const NamedTensors file = read_safetensors(folder.path() / "converted.safetensors");
  CHECK(file.tensors.size() == published.tensors.size());
  CHECK(std::ranges::count_if(file.tensors, [](const auto& entry) {
          return entry.first == "features.2.conv.0.0.weight";
        }) == 1);
  CHECK(file.metadata.at("source") == "a page");
  CHECK(file.metadata.at("licence") == "MIT");

  write_tiny_data(folder.path() / "data");
  const Result trained = run("train_mura --arch mobilenet_v2 --image-size 32 --epochs 1 --data " +
                             here + "/data --init " + here + "/converted.safetensors --out " +
                             here + "/run --batch-size 8 --quiet");
  CAPTURE(trained.output);
  CHECK(trained.status == 0);
  const ModelInfo info = load_model(here + "/run").info;
  CHECK(info.licence == "MIT");
  CHECK(info.mean == kImageNetMean);

  const Result other = run(convert + "resnet18");
  CHECK(other.status == 1);
  CHECK(contains(other.output, "net.safetensors: load_state_dict: the weights belong to another"));
}

TEST_CASE("thresholds and temperatures from validation, ensembles, mirrors and comparisons") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  const std::string here = folder.path().string(), data = here + "/data";
  const Result trained =
      run("train_mura --data " + data + " --out " + here +
          "/run --arch resnet18 --width 8 --image-size 32 --batch-size 8 --epochs 1 "
          "--threads 1 --threshold val --temperature val");
  CAPTURE(trained.output);
  REQUIRE(trained.status == 0);
  const ModelInfo info = load_model(here + "/run").info;
  CHECK(info.temperature != 1);
  CHECK(info.thresholds[0] != 0.5);

  // Threshold and temperature fitted again on the same split are equal; a model that was saved with
  // other values keeps them.
  const std::string eval = "eval_mura --threads 1 --data " + data + " --checkpoint " + here;
  const auto evaluated = [&](const std::string& options) {
    const Result result = run(eval + options);
    CAPTURE(result.output);
    CHECK(result.status == 0);
    return result.output;
  };
  evaluated("/run --out " + here + "/again --threshold val --temperature val --save-model " + here +
            "/again.safetensors");
  CHECK(std::system(
            ("cmp " + here + "/run/metrics.json " + here + "/again/metrics.json").c_str()) == 0);
  CHECK(load_model(here + "/again.safetensors").info.temperature == info.temperature);
  CHECK(load_model(here + "/again.safetensors").info.thresholds[0] == info.thresholds[0]);
  evaluated("/run --out " + here + "/set --threshold 0.25 --temperature 2 --save-model " + here +
            "/set.safetensors");
  CHECK(load_model(here + "/set.safetensors").info.thresholds[0] == 0.25);
  CHECK(load_model(here + "/set.safetensors").info.temperature == 2);

  // Three copies of one model give that model's result; with mirror images the result differs.
  const std::string thrice = "/run --checkpoint " + here + "/run --checkpoint " + here + "/run";
  const std::string same =
      evaluated(thrice + " --out " + here + "/thrice --compare " + here + "/run");
  CHECK(contains(same, "only this model right 0, only the other model right 0"));
  CHECK(std::filesystem::exists(here + "/thrice/comparison.json"));
  evaluated("/run --tta flip --out " + here + "/flip");
  const Decisions plain = read_decisions(here + "/run"),
                  averaged = read_decisions(here + "/thrice"),
                  mirrored = read_decisions(here + "/flip");
  double difference = 0;
  for (std::size_t i = 0; i < plain.predictions.size(); ++i) {
    CHECK(averaged.predictions[i].probability ==
          doctest::Approx(plain.predictions[i].probability).epsilon(1e-12));
    difference += std::abs(mirrored.predictions[i].probability - plain.predictions[i].probability);
  }
  CHECK(difference > 0);
}

TEST_CASE("predict writes the predictions it can make and lists the failures") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  const std::string here = folder.path().string();
  REQUIRE(
      run("train_mura --data " + here + "/data --out " + here +
          "/run --arch resnet18 --width 8 --image-size 32 --batch-size 8 --epochs 1 --threads 1")
          .status == 0);
  folder.write("text.png", "hello");
  folder.write("data/test/notes.txt", "no image");
  const std::string predict = "predict --threads 1 --checkpoint " + here + "/run ";
  const std::string image = here + "/data/test/abnormal/0.png";

  // The probabilities are those of the evaluation, image by image and by the mean of a folder.
  const Decisions evaluated = read_decisions(here + "/run");
  const Result all = run(predict + here + "/data/test --studies --json " + here + "/all.json");
  CAPTURE(all.output);
  CHECK(all.status == 0);
  const auto json = nlohmann::json::parse(std::ifstream(here + "/all.json"));
  REQUIRE(json["images"].size() == evaluated.predictions.size());
  double sum = 0;
  for (std::size_t i = 0; i < evaluated.predictions.size(); ++i) {
    const Prediction& expected = evaluated.predictions[i];
    CHECK(json["images"][i]["path"] == here + "/data/" + expected.path);
    CHECK(json["images"][i]["probability"].get<double>() ==
          doctest::Approx(expected.probability).epsilon(1e-5));
    if (expected.label == 1) sum += expected.probability;
  }
  REQUIRE(json["studies"].size() == 2);
  CHECK(json["studies"][0]["views"] == 6);
  CHECK(json["studies"][0]["probability"].get<double>() == doctest::Approx(sum / 6).epsilon(1e-5));

  const Result some = run(predict + here + "/text.png " + image + " " + here + "/nowhere.png " +
                          image + " --csv " + here + "/some.csv --cam " + here + "/cam");
  CAPTURE(some.output);
  CHECK(some.status == 1);
  CHECK(contains(some.output, "text.png: its first bytes are not those of a PNG"));
  CHECK(contains(some.output, "nowhere.png: no such file"));
  CHECK(contains(some.output, "2 of 4 images have no prediction"));
  CHECK(contains(some.output, image + "  0."));
  const CsvTable table(here + "/some.csv");
  REQUIRE(table.rows().size() == 4);
  const std::string map = table.rows()[0].fields[table.require("heat_map")];
  CHECK(map == here + "/cam" + here + "/data/test/abnormal/0.png");
  CHECK(read_image(map).height == 40);
  CHECK(std::filesystem::exists(here + "/cam" + here + "/data/test/abnormal/0-2.png"));

  const Result none = run(predict + here + "/data/test/notes.txt");
  CHECK(none.status == 1);
  CHECK(run(predict).status == 2);
  CHECK(run(predict + image + " --threshold val").status == 2);
  CHECK(run(predict + image + " --cam " + here + "/cam --cam-layer layer7").status == 1);
}

TEST_CASE("wrong usage is status 2 with a hint, a run-time error status 1, each in one line") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  folder.write("fields.csv", "path,label\na.png,abnormal\nb.png\n");
  folder.write("labels.csv", "path,label,patient\na.png,abnormal,1\nb.png,normal,2\nc.png,odd,3\n");
  folder.write("patient.csv",
               "path,label,patient,split\na.png,abnormal,1,train\nb.png,normal,1,val\n");
  folder.write("text.safetensors", "hello");
  const std::string data = (folder.path() / "data").string(), here = folder.path().string();
  const std::string train = "train_mura --out " + here + "/run --arch resnet18 --image-size 32 ";
  const std::string eval = "eval_mura --out " + here + "/out --data " + data + " ";
  struct Row {
    std::string command;
    int status;
    const char* message;
  };
  const Row rows[] = {
      {"train_mura", 2, "--data is required"},
      {train + "--data " + data + " --colour", 2, "--colour: there is no such option"},
      {train + "--data " + data + " --epoch 3", 2, "--epoch: did you mean --epochs?"},
      {train + "--data " + data + " --ephocs=3", 2, "--ephocs: did you mean --epochs?"},
      {train + "--data " + data + " stray", 2, "stray: no option takes this"},
      {train + "--data " + data + " --epochs 0", 2, "--epochs 0"},
      {train + "--data " + data + " --epochs many", 2, "--epochs"},
      {train + "--data " + data + " --batch-size 1", 2, "batch norm needs"},
      {"train_mura --out " + here + "/run --arch vit_tiny_patch16_224 --batch-size 1 --data " +
           data,
       2, "expected at least 2 for every model"},
      {train + "--data " + data + " --lr -1", 2, "--lr"},
      {"train_mura --out " + here + "/run --data " + data + " --arch vgg", 2, "resnet50"},
      {"train_mura --out " + here + "/run --data " + data + " --image-size 15", 2,
       "expected 16 to 4096, or 0"},
      {train + "--data " + data + " --width 0", 2, "--width 0: expected 1 to 256"},
      {train + "--data " + data + " --width 257", 2, "--width 257: expected 1 to 256"},
      {train + "--data " + data + " --optimizer lion", 2, "adamw"},
      {train + "--data " + data + " --schedule never", 2, "plateau"},
      {train + "--data " + data + " --augment more", 2, "mura-paper"},
      {train + "--data " + data + " --fit crop", 2, "stretch"},
      {train + "--data " + data + " --positive-weight heavy", 2, "balanced"},
      {train + "--data " + data + " --recipe cake", 2, "mura-paper"},
      {train + "--data " + data + " --save-every -1", 2, "--save-every"},
      {train + "--resume", 1, "contains no run to resume"},
      {"train_mura --resume", 2, "--out is required"},
      {"train_mura --data " + data, 2, "--out is required"},
      {train + "--device cpu --data " + data + " --precision tf32", 2, "CUDA"},
      {train + "--data " + data + " --backend gpu", 2, "reference"},
      {train + "--data " + data + " --device cuda:63", 1, "device cuda:63: "},
      {train + "--device cpu --data " + data + " --positive odd", 2, "odd"},
      {train + "--data " + here + "/nowhere", 1, "nowhere"},
      {train + "--data " + here + "/fields.csv", 1, "fields.csv:3"},
      {train + "--data " + here + "/labels.csv", 1, "odd"},
      {train + "--data " + here + "/patient.csv", 1, "patient"},
      {train + "--data " + data + " --init " + here + "/text.safetensors", 1, "text.safetensors"},
      // Before the images are read.
      {train + "--data " + here + "/nowhere --init " + here + "/none.pth", 1,
       "none.pth: no such file"},
      {train + "--data " + here + "/nowhere --init " + here, 1, "is a folder; give the file"},
      {"train_mura --out /proc/run --arch resnet18 --data " + data, 1, "/proc/run"},
      {eval, 2, "--checkpoint is required"},
      {eval + "--checkpiont x", 2, "--checkpiont: did you mean --checkpoint?"},
      {eval + "--checkpoint " + here + "/nowhere", 1, "nowhere"},
      {eval + "--checkpoint " + here + "/text.safetensors", 1, "text.safetensors"},
      {eval + "--checkpoint x --split most", 2, "most"},
      {eval + "--checkpoint x --threshold 2", 2, "--threshold '2': expected a number from 0 to 1"},
      {eval + "--checkpoint x --threshold most", 2, "val-f1"},
      {eval + "--checkpoint x --temperature 0", 2, "--temperature"},
      {eval + "--checkpoint x --bootstrap -1", 2, "bootstrap"},
      {eval + "--checkpoint x --tta turn", 2, "flip"},
      {eval + "--checkpoint x --checkpoint y --save-model z", 2, "--save-model"},
      {train + "--data " + data + " --threshold 0.5x", 2, "--threshold"},
      {"make_demo_data", 2, "--out is required"},
      {"make_demo_data --out " + data, 1, "data"},
      {train + "--data " + data + " --cache " + data + "/cache", 2, "--cache"},
      {"train_mura --out " + data + "/run --data " + data, 2, "is in the folder of the data set"},
  };
  for (const Row& row : rows) {
    const Result result = run(row.command);
    CAPTURE(row.command);
    CAPTURE(result.output);
    CHECK(result.status == row.status);
    CHECK(contains(result.output, row.message));
    if (row.status == 2) CHECK(std::ranges::count(result.output, '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "run"));
  }
}

TEST_CASE("help and version are status 0") {
  for (const char* program :
       {"train_mura", "eval_mura", "predict", "make_demo_data", "audit_data"}) {
    CAPTURE(std::string(program));
    const Result help = run(std::string(program) + " --help");
    CHECK(help.status == 0);
    std::istringstream lines(help.output);
    for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= 100, line);
    CHECK(run(std::string(program) + " --version").status == 0);
  }
}

TEST_CASE("the help of train_mura has the table of models") {
  std::istringstream table(model_table());
  const std::string help = run("train_mura --help").output;
  for (std::string line; std::getline(table, line);)
    CHECK_MESSAGE(contains(help, "\n" + std::string(30, ' ') + line + "\n"), line);
}

TEST_CASE("OSTEON_CPU chooses the instruction set, and the run records it") {
  const auto with = [](const std::string& set, const std::string& command) {
    ::setenv("OSTEON_CPU", set.c_str(), 1);
    const Result result = run(command);
    ::unsetenv("OSTEON_CPU");
    return result;
  };
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  for (const InstructionSet set : available_instruction_sets()) {
    const std::string name = name_of(set), out = (folder.path() / name).string();
    CAPTURE(name);
    CHECK(contains(with(name, "predict --version").output, ", instruction set " + name + "\n"));
    const Result trained = with(
        name,
        "train_mura --data " + (folder.path() / "data").string() + " --out " + out +
            " --arch resnet18 --width 8 --image-size 32 --batch-size 8 --epochs 1 --threads 1");
    CAPTURE(trained.output);
    CHECK(trained.status == 0);
    CHECK(read_json(out + "/config.json", 100'000)["instruction_set"] == name);
  }
  const Result unknown = with("sse9", "train_mura --data x --out " + folder.path().string() + "/y");
  CHECK(unknown.status == 2);
  CHECK(contains(unknown.output, "OSTEON_CPU=sse9: no such instruction set; available: baseline"));
  CHECK(!std::filesystem::exists(folder.path() / "y"));
}
