// The folder of a run: after a copy, on a file system without links, and used by two processes.
#include <doctest/doctest.h>
#include <sys/file.h>

#include <algorithm>

#include "eval/run_pointers.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_run.h"
#include "train/run/lock.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

constexpr auto kAll = fs::copy_options::recursive;

TrainOptions resumed(TrainOptions options, std::int64_t epochs) {
  options.resume = true;
  options.epochs = epochs;
  return options;
}

// The names and contents of all files below a folder.
std::string snapshot(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().filename() != "lock")
      files.push_back(entry.path().string() + "\n" + read_text(entry.path()));
  std::ranges::sort(files);
  std::string all;
  for (const std::string& file : files) all += file;
  return all;
}

// A finished run of two epochs. Its learning rate is constant, so that it can be continued.
struct FinishedRun {
  TemporaryFolder folder;
  TrainOptions options;
  FinishedRun() {
    write_tiny_data(folder.path() / "data");
    options = tiny_options(folder.path() / "data", folder.path() / "run");
    options.schedule = "constant";
    Trainer(options).train();
  }
};

}  // namespace

TEST_CASE("a copied run continues from its newest checkpoint, and programs find its model") {
  FinishedRun finished;
  const fs::path run = finished.options.out;
  const RunPointers pointers = find_pointers(run).value();
  TrainOptions options = finished.options;
  options.out = finished.folder.path() / "longer";
  fs::copy(run, options.out, kAll | fs::copy_options::copy_symlinks);
  Trainer(resumed(options, 3)).train();
  const RunRecord expected = record_of(options.out);
  REQUIRE(expected.losses.size() == 3 * (3 + 1));
  struct Row {
    const char* name;
    fs::copy_options links;
    std::vector<const char*> lost;
  };
  const Row rows[] = {{"links kept", fs::copy_options::copy_symlinks, {}},
                      {"links followed", fs::copy_options::none, {}},
                      {"files only", fs::copy_options::skip_symlinks, {}},
                      {"of an older version", fs::copy_options::copy_symlinks, {"pointers.json"}},
                      {"older, links followed", fs::copy_options::none, {"pointers.json"}},
                      {"older, files only", fs::copy_options::skip_symlinks, {"pointers.json"}},
                      {"without last", fs::copy_options::copy_symlinks, {"pointers.json", "last"}},
                      {"without best", fs::copy_options::copy_symlinks, {"pointers.json", "best"}}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    options.out = finished.folder.path() / row.name;
    fs::copy(run, options.out, kAll | row.links);
    for (const char* name : row.lost) fs::remove_all(options.out / name);
    CHECK(read_text(find_model_file(options.out)) ==
          read_text(run / "checkpoints" / pointers.best / "model.safetensors"));
    CHECK(fs::exists(find_model_file(options.out / "last")));
    Trainer(resumed(options, 3)).train();
    RunRecord record;
    for (const nlohmann::json& line : read_lines(options.out / "log.jsonl"))
      record.losses.push_back(line["loss"].get<double>());
    CHECK(record.losses == expected.losses);
    CHECK(find_pointers(options.out)->last == "step-9");
    CHECK(read_text(options.out / "checkpoints/step-9/model.safetensors") == expected.last);
    CHECK(read_text(find_model_file(options.out)) == expected.best);
  }
}

TEST_CASE("a run that cannot be continued is refused, and its files do not change") {
  FinishedRun finished;
  const fs::path run = finished.options.out;
  const RunPointers pointers = find_pointers(run).value();
  struct Row {
    const char* name;
    std::function<void(const fs::path&)> change;
    std::int64_t epochs;
    const char* message;
  };
  const Row rows[] = {
      {"fewer epochs", [](const fs::path&) {}, 1, "--epochs 1: 2 epochs are done already"},
      {"no complete checkpoint",
       [](const fs::path& copy) {
         fs::remove(copy / "pointers.json");
         for (const auto& entry : fs::directory_iterator(copy / "checkpoints"))
           fs::remove(entry.path() / "model.safetensors");
       },
       3, "has checkpoints, but no complete one"},
      {"a missing checkpoint",
       [&](const fs::path& copy) { fs::remove_all(copy / "checkpoints" / pointers.last); }, 3,
       "pointers.json: it names step-6, which is not in"},
      {"damaged pointers",
       [](const fs::path& copy) { std::ofstream(copy / "pointers.json") << "{\"last\": 3}"; }, 3,
       "pointers.json"},
      {"pointers out of the folder",
       [](const fs::path& copy) {
         std::ofstream(copy / "pointers.json") << R"({"last": "../../run/checkpoints/step-6"})";
       },
       3, "not the name of a checkpoint"},
      {"superseded out of the folder",
       [](const fs::path& copy) {
         std::ofstream(copy / "pointers.json")
             << R"({"last": "step-6", "best": "step-6", "superseded": [".."]})";
       },
       3, "not the name of a checkpoint"},
      {"only copies of last and best",
       [](const fs::path& copy) {
         fs::remove_all(copy / "checkpoints");
         fs::remove(copy / "pointers.json");
       },
       3, "copy it there as step-N"}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    TrainOptions options = finished.options;
    options.out = finished.folder.path() / row.name;
    fs::copy(run, options.out, kAll);
    row.change(options.out);
    const std::string before = snapshot(options.out);
    const std::string message = message_of([&] { Trainer trainer(resumed(options, row.epochs)); });
    CAPTURE(message);
    CHECK(contains(message, row.message));
    CHECK(snapshot(options.out) == before);
  }
}

TEST_CASE("a new run refuses a folder that has checkpoints") {
  FinishedRun finished;
  TrainOptions options = finished.options;
  for (const char* name : {"config.json", "pointers.json"}) {
    fs::remove(options.out / name);
    const std::string before = snapshot(options.out);
    CHECK(contains(message_of([&] { Trainer trainer(options); }), "already contains a run"));
    CHECK(snapshot(options.out) == before);
  }
}

TEST_CASE("a file system without links and locks") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  const auto on_poor_system = [](const std::vector<std::string>& command) {
    std::vector<std::string> all{"/usr/bin/env",
                                 std::string("LD_PRELOAD=") + OSTEON_POOR_FILE_SYSTEM,
                                 "ASAN_OPTIONS=verify_asan_link_order=0"};
    all.insert(all.end(), command.begin(), command.end());
    return all;
  };
  const fs::path whole = folder.path() / "whole", run = folder.path() / "run";
  const fs::path output = folder.path() / "output";
  REQUIRE(ChildProcess(tiny_command(folder.path() / "data", whole), output).wait() == 0);
  ChildProcess first(on_poor_system(tiny_command(folder.path() / "data", run)), output);
  REQUIRE(first.wait_until([&] { return fs::exists(run / "pointers.json"); }));
  first.signal(SIGTERM);
  CHECK(first.wait() == 143);
  CHECK(contains(read_text(output), "pointers.json names the last and best checkpoint"));
  CHECK(contains(read_text(output), "run cannot be locked (No locks available)"));
  ChildProcess second(on_poor_system(resume_command(run, 1)), output);
  const int status = second.wait();
  CAPTURE(read_text(output));
  CHECK(status == 0);
  CHECK_FALSE(fs::exists(fs::symlink_status(run / "last")));
  CHECK(read_text(find_model_file(run / "last")) == read_text(whole / "last/model.safetensors"));
  CHECK(read_text(find_model_file(run)) == read_text(whole / "best/model.safetensors"));
  CHECK(read_text(run / "predictions.csv") == read_text(whole / "predictions.csv"));
}

TEST_CASE(
    "a second process is refused while the first one trains, but not after the first was killed") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run", output = folder.path() / "output";
  write_tiny_data(folder.path() / "data");
  ChildProcess first(tiny_command(folder.path() / "data", run), output);
  REQUIRE(first.wait_until([&] { return fs::exists(run / "pointers.json"); }));
  first.signal(SIGSTOP);
  const std::string before = snapshot(run);
  TrainOptions again = tiny_options(folder.path() / "data", run);
  const fs::path second_output = folder.path() / "second";
  for (const auto& command : {resume_command(run, 1), tiny_command(folder.path() / "data", run)}) {
    ChildProcess second(command, second_output);
    CHECK(second.wait() == 1);
    const std::string text = read_text(second_output);
    CAPTURE(text);
    CHECK((contains(text, format("in use by process ", first.process(), " on ")) ||
           contains(text, "already contains a run")));
  }
  CHECK(snapshot(run) == before);
  // The folder is also locked by a new run that has not yet written config.json.
  fs::rename(run / "config.json", folder.path() / "config.json");
  fs::rename(run / "pointers.json", folder.path() / "pointers.json");
  fs::rename(run / "checkpoints", folder.path() / "checkpoints");
  CHECK(contains(message_of([&] { Trainer trainer(again); }),
                 format("in use by process ", first.process(), " on ")));
  for (const char* name : {"config.json", "pointers.json", "checkpoints"})
    fs::rename(folder.path() / name, run / name);
  first.signal(SIGKILL);
  first.wait();
  ChildProcess third(resume_command(run, 1), output);
  CHECK(third.wait() == 0);
}

TEST_CASE("the lock file names its process, and is not followed if it is a link") {
  const TemporaryFolder folder;
  CHECK(RunLock(folder.path()).warning().empty());
  CHECK(read_text(folder.path() / "lock").starts_with("process "));
  CHECK(contains(message_of([&] { RunLock lock(folder.path() / "missing"); }), "cannot write"));
  fs::remove(folder.path() / "lock");
  fs::create_symlink(folder.write("precious", "text"), folder.path() / "lock");
  CHECK(contains(message_of([&] { RunLock lock(folder.path()); }), "cannot write"));
  CHECK(read_text(folder.path() / "precious") == "text");
}

TEST_CASE("an output in the folder of the data set is refused before anything is read") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  fs::create_directory_symlink("data", folder.path() / "link");
  struct Row {
    const char *out, *cache, *message;
  };
  const Row rows[] = {{"data/run", "memory", "--out"},     {"data", "memory", "--out"},
                      {"link/run", "memory", "--out"},     {"data/../data/a/b", "none", "--out"},
                      {"run", "data/cache", "--cache"},    {"data-2", "data-3", ""},
                      {"data/../run", "../cache-of-x", ""}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.out));
    TrainOptions options = tiny_options(folder.path() / "data", folder.path() / row.out);
    options.cache = std::string(row.cache).find('/') == std::string::npos
                        ? row.cache
                        : (folder.path() / row.cache).string();
    const std::string message = message_of([&] { check_options(options); });
    CHECK(contains(message, row.message));
    CHECK(message.empty() == std::string(row.message).empty());
  }
}
