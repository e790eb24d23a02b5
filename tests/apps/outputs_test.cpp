// The outputs of programs: standard output that fails, streams, outputs that cannot be written,
// heat maps, circular links, names that are not UTF-8, reports, and a narrow terminal.
#include <doctest/doctest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/csv_table.h"
#include "base/progress.h"
#include "eval/comparison.h"
#include "tests/support/message_of.h"
#include "tests/support/run_program.h"
#include "tests/support/tiny_run.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

// A model, and the folders s1 and s2 with an image1.png each.
struct TrainedRun {
  TemporaryFolder folder;
  std::string here = folder.path().string();
  std::string predict = "predict --device cpu --threads 1 --checkpoint " + here + "/run ";
  TrainedRun() {
    write_tiny_data(folder.path() / "data");
    REQUIRE(run_program("train_mura --quiet --data " + here + "/data --out " + here +
                        "/run --arch resnet18 --width 8 --image-size 32 --batch-size 8 --epochs 1 "
                        "--threads 1")
                .status == 0);
    for (const char* study : {"s1", "s2"}) {
      fs::create_directories(folder.path() / study);
      write_png(folder.path() / study / "image1.png", tiny_radiograph(true, 1));
    }
  }
};

// The text that Progress writes on a terminal of `columns` columns, for updates of 100 characters.
std::string on_terminal(unsigned short columns, const char* type) {
  const winsize size{24, columns, 0, 0};
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setenv("TERM", type, 1);
    Progress progress(/*quiet=*/false);
    for (int i = 0; i < 3; ++i) {
      ::usleep(110'000);  // more frequent updates are not printed
      progress.update(std::string(100, 'x'));
    }
    progress.line("done");
    ::_exit(0);
  }
  std::string text;
  char buffer[256];
  for (ssize_t n; (n = ::read(terminal, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::waitpid(child, nullptr, 0);
  ::close(terminal);
  return text;
}

}  // namespace

TEST_CASE("output that cannot be written is an error before the work, or status 1 after it") {
  const TrainedRun trained;
  const std::string& here = trained.here;
  const std::string image = here + "/s1/image1.png";
  const std::string eval = "eval_mura --checkpoint " + here + "/run --data " + here + "/data ";
  struct Row {
    std::string command;
    const char* message;
  };
  const Row rows[] = {
      {trained.predict + image + " >/dev/full", "cannot write to standard output"},
      {trained.predict + image + " >&-", "cannot write to standard output"},
      {trained.predict + image + " --csv " + here + "/none/a.csv", "--csv"},
      {trained.predict + image + " --json " + here, "--json"},
      {trained.predict + image + " --cam " + image, "--cam"},
      {trained.predict + here + "/s1 --cam " + here + "/s1/cam", "--cam"},
      {eval + "--out " + image + "/x", "--out"},
      {eval + "--out " + here + "/data/x", "--out"},
      {eval + "--out " + here + "/e --save-model " + here + "/none/m.safetensors", "--save-model"},
      {"audit_data --data " + here + "/data --json " + here + "/none/a.json", "--json"},
      {"export_onnx --checkpoint " + here + "/run --out " + here + "/none/a.onnx", "--out"}};
  for (const Row& row : rows) {
    CAPTURE(row.command);
    const ProgramResult result = run_program(row.command);
    CAPTURE(result.output);
    CHECK((result.status == 1 || result.status == 2));
    CHECK(contains(result.output, row.message));
    CHECK(std::ranges::count(result.output, '\n') == 1);
  }
  CHECK_FALSE(fs::exists(here + "/e"));
}

TEST_CASE("a list is written to standard output or a pipe, after the printed lines") {
  const TrainedRun trained;
  for (const char* stream : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    const std::string file = trained.here + "/printed";
    const ProgramResult result =
        run_program(trained.predict + trained.here + "/s1 --csv " + stream + " >" + file);
    CAPTURE(result.output);
    CHECK(result.status == 0);
    const std::string text = read_text(file);
    CAPTURE(text);
    CHECK(std::ranges::count(text, '\n') == 3);
    CHECK(text.find("image1.png  0.") < text.find("path,probability,decision,error\n"));
  }
}

TEST_CASE("heat maps keep the path of their image") {
  const TrainedRun trained;
  const fs::path here = trained.folder.path();
  fs::copy(here / "s1/image1.png", here / "s1/1.2.840.1.2.3");
  const std::string go = "cd " + trained.here + " && " + OSTEON_PROGRAMS + "/" + trained.predict;
  const auto in_folder = [&](const std::string& arguments) {
    return run_program("predict --version >/dev/null; " + go + arguments);
  };
  CHECK(in_folder("s1 ./s2/image1.png --cam cam --json all.json").status == 0);
  CHECK(in_folder("s2/../s2/image1.png --cam cam").status == 0);
  for (const char* name : {"s1/image1.png", "s1/1.2.840.1.2.3.png", "s2/image1.png"})
    CHECK(fs::exists(here / "cam" / name));
  const auto json = nlohmann::json::parse(read_text(here / "all.json"));
  CHECK(json["images"][0]["path"] == "s1/1.2.840.1.2.3");
  CHECK(json["images"][0]["heat_map"] == "cam/s1/1.2.840.1.2.3.png");
  CHECK(json["images"].size() == 3);
  const auto count = std::distance(fs::recursive_directory_iterator(here / "cam"), {});
  CHECK(count == 3 + 2);  // files and folders
}

TEST_CASE("a view that is given twice counts once, however its path is spelled") {
  const TrainedRun trained;
  const std::string go = "cd " + trained.here + " && " + OSTEON_PROGRAMS + "/" + trained.predict;
  const ProgramResult result = run_program("predict --version >/dev/null; " + go +
                                           "s1 ./s1/image1.png s1/../s1 --studies --json x.json");
  CAPTURE(result.output);
  CHECK(result.status == 0);
  const auto json = nlohmann::json::parse(read_text(trained.here + "/x.json"));
  REQUIRE(json["studies"].size() == 1);
  CHECK(json["studies"][0]["folder"] == "s1");
  CHECK(json["studies"][0]["views"] == 1);
}

TEST_CASE("folders that cannot be read are named, and the rest is predicted") {
  const TrainedRun trained;
  fs::create_directory_symlink("..", trained.folder.path() / "s1/circle");
  fs::create_symlink("self", trained.folder.path() / "s1/self");
  const ProgramResult result =
      run_program(trained.predict + trained.here + "/s2/image1.png " + trained.here + "/s1");
  CAPTURE(result.output);
  CHECK(result.status == 1);
  CHECK(contains(result.output, "s2/image1.png  0."));
  CHECK(contains(result.output, "s1/image1.png  0."));
  CHECK(contains(result.output, "s1/circle/s1: a link to a folder that contains it"));
}

TEST_CASE("names that are not UTF-8") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "r\xf6ntgen", out = folder.path() / "r\xf6hre";
  write_tiny_data(data);
  for (const char* split : {"train", "val", "test"})
    fs::rename(data / split / "abnormal", data / split /
                                              "br\xfc"
                                              "chig");
  const ProgramResult result = run_program(
      "train_mura --positive 'br\\xfcchig' --tensorboard --data " + data.string() + " --out " +
      out.string() + " --arch resnet18 --width 8 --image-size 32 --batch-size 8 --epochs 1");
  CAPTURE(result.output);
  CHECK(result.status == 0);
  const auto config = nlohmann::json::parse(read_text(out / "config.json"));
  CHECK(contains(config["data"].get<std::string>(), "r\\xf6ntgen"));
  CHECK(config["classes"] == nlohmann::json({"normal", "br\\xfcchig"}));
  CHECK(contains(read_text(out / "report.html"), "r\\xf6ntgen"));
  const ProgramResult predicted =
      run_program("predict --checkpoint " + out.string() + " " + data.string() + "/test --json " +
                  out.string() + "/all.json");
  CAPTURE(predicted.output);
  CHECK(predicted.status == 0);
  CHECK(nlohmann::json::parse(read_text(out / "all.json"))["images"].size() == 12);
}

TEST_CASE("the title of the report names the data, however its path is given") {
  const TrainedRun trained;
  std::ofstream list(trained.here + "/list.csv");
  list << "path,label,split\n";
  for (const char* name : {"normal", "abnormal"})
    for (int i = 0; i < 6; ++i)
      list << "data/test/" << name << "/" << i << ".png," << name << ",test\n";
  list.close();
  struct Row {
    const char *data, *title;
  };
  const Row rows[] = {{"data/", "resnet18 on data, test split"},
                      {"./data/.", "resnet18 on data, test split"},
                      {"list.csv", "resnet18 on list.csv, test split"}};
  for (const Row& row : rows) {
    CAPTURE(row.data);
    const ProgramResult result =
        run_program("predict --version >/dev/null; cd " + trained.here + " && " + OSTEON_PROGRAMS +
                    "/eval_mura --checkpoint run --out e --bootstrap 0 --data " + row.data);
    CAPTURE(result.output);
    CHECK(result.status == 0);
    CHECK(contains(read_text(trained.here + "/e/report.html"), row.title));
  }
}

TEST_CASE("images that the model was trained on are counted, wherever their files lie now") {
  const TrainedRun trained;
  fs::rename(trained.here + "/data", trained.here + "/moved");
  std::ofstream list(trained.here + "/list.csv");
  list << "path,label,split\n";
  for (const char* name : {"normal", "abnormal"})
    for (int i = 0; i < 6; ++i) {
      list << "moved/test/" << name << "/" << i << ".png," << name << ",test\n";
      if (i < 2) list << "moved/train/" << name << "/" << i << ".png," << name << ",test\n";
    }
  list.close();
  const std::string eval = "eval_mura --checkpoint " + trained.here + "/run --bootstrap 0 --out " +
                           trained.here + "/e --data " + trained.here;
  const auto metrics = [&] {
    return nlohmann::json::parse(read_text(trained.here + "/e/metrics.json"));
  };
  const ProgramResult mixed = run_program(eval + "/list.csv");
  CAPTURE(mixed.output);
  CHECK(mixed.status == 0);
  CHECK(contains(mixed.output, "warning: 4 of these 16 images were used for training"));
  CHECK(contains(mixed.output, "\n4 of these 16 images were used for training\n"));
  CHECK(metrics()["trained_on"] == 4);
  CHECK(contains(read_text(trained.here + "/e/report.html"),
                 "4 of these 16 images were used for training"));
  const ProgramResult test = run_program(eval + "/moved");
  CHECK_FALSE(contains(test.output, "used for training"));
  CHECK(metrics()["trained_on"] == 0);
  const ProgramResult train = run_program(eval + "/moved --split train");
  CHECK(contains(train.output, "\n24 of these 24 images were used for training\n"));
  CHECK_FALSE(contains(train.output, "warning"));
  // The model's file alone lists its training images, and passes the list to models that it
  // initialises.
  CHECK(run_program(eval + "/moved --save-model " + trained.here + "/m.safetensors").status == 0);
  CHECK(run_program("train_mura --quiet --data " + trained.here + "/moved --out " + trained.here +
                    "/next --init " + trained.here +
                    "/m.safetensors --arch resnet18 --width 8 --image-size 32 --batch-size 8 "
                    "--epochs 1 --limit 2")
            .status == 0);
  CHECK(run_program("eval_mura --bootstrap 0 --split train --checkpoint " + trained.here +
                    "/next --out " + trained.here + "/e --data " + trained.here + "/moved")
            .status == 0);
  CHECK(metrics()["trained_on"] == 24);
}

TEST_CASE("progress is one line, cut to the terminal's width; a dumb terminal gets plain lines") {
  const std::string narrow = on_terminal(40, "xterm");
  CAPTURE(narrow);
  CHECK(narrow == std::string(39, 'x') + "\r\033[K" + std::string(39, 'x') + "\r\033[K" +
                      std::string(39, 'x') + "\r\033[Kdone\r\n");
  const std::string wide = on_terminal(200, "xterm");
  CHECK(contains(wide, std::string(100, 'x')));
  CHECK(on_terminal(40, "dumb") == "done\r\n");
}
