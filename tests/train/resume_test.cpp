// Runs that are stopped, killed or out of disk space, and the files they leave.
#include <doctest/doctest.h>
#include <sys/mount.h>

#include <algorithm>
#include <cmath>

#include "base/checksums.h"
#include "base/json.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "ops/backend.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_run.h"
#include "train/run/checkpoint.h"
#include "train/run/log.h"
#include "train/run/resume.h"
#include "train/run/state.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

// A file system of limited size that a test may fill; null if the system does not allow to mount
// one.
class SmallDisk {
 public:
  SmallDisk(const fs::path& place, const std::string& size) : place_(place) {
    fs::create_directories(place);
    mounted_ = ::mount("none", place.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount(place_.c_str());
  }
  bool mounted() const { return mounted_; }

 private:
  fs::path place_;
  bool mounted_;
};

// A folder that is read-only during the lifetime of this object: by its permissions or, because
// these do not stop root, by a read-only mount of it on itself.
class ReadOnlyFolder {
 public:
  explicit ReadOnlyFolder(const fs::path& folder) : folder_(folder), root_(::geteuid() == 0) {
    if (root_)
      works_ = ::mount(folder.c_str(), folder.c_str(), "", MS_BIND, "") == 0 &&
               ::mount("", folder.c_str(), "", MS_REMOUNT | MS_BIND | MS_RDONLY, "") == 0;
    else
      fs::permissions(folder, static_cast<fs::perms>(0555));
  }
  ReadOnlyFolder(const ReadOnlyFolder&) = delete;
  ReadOnlyFolder& operator=(const ReadOnlyFolder&) = delete;
  ~ReadOnlyFolder() {
    if (root_)
      ::umount2(folder_.c_str(), MNT_DETACH);
    else
      fs::permissions(folder_, static_cast<fs::perms>(0755));
  }
  bool works() const { return works_; }

 private:
  fs::path folder_;
  bool root_, works_ = true;
};

// Changes the value of an option of a command.
void set(std::vector<std::string>& command, const char* option, const char* value) {
  *(std::ranges::find(command, option) + 1) = value;
}

TrainOptions resumed(TrainOptions options) {
  options.resume = true;
  return options;
}

void flip_a_byte(const fs::path& file, std::size_t place) {
  std::string text = read_text(file);
  text[place] = static_cast<char>(text[place] ^ 1);
  std::ofstream(file, std::ios::binary) << text;
}

std::size_t steps_logged(const fs::path& run) {
  const std::string log = read_text(run / "log.jsonl");
  return static_cast<std::size_t>(std::ranges::count(log, '\n'));
}

}  // namespace

TEST_CASE(
    "a stopped and resumed run equals an uninterrupted one, bit for bit, for any number of "
    "workers") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", output = folder.path() / "output";
  write_tiny_data(data);
  // Long enough that no signal comes after the end.
  const fs::path initial = folder.path() / "initial.safetensors";
  write_safetensors(initial, state_dict(*make_model("efficientnet_b0", {.width = 8})));
  const auto command = [&](const fs::path& run, const std::string& kind) {
    std::vector<std::string> arguments = tiny_command(data, run);
    set(arguments, "--epochs", "4");
    const bool is_arch = kind != "fine-tuned" && kind != "multiclass";
    set(arguments, "--arch", is_arch ? kind.c_str() : "efficientnet_b0");
    if (kind == "multiclass")
      arguments.insert(arguments.end(), {"--task=multiclass", "--mixup=0.4", "--temperature=val"});
    if (kind == "fine-tuned")
      for (const std::string& more :
           {"--init=" + initial.string(), std::string("--freeze=1"), std::string("--ema=0.9"),
            std::string("--head-lr=0.03"), std::string("--weight-decay=0.01"),
            std::string("--weight-decay-norm=0"), std::string("--erase=0.5"),
            std::string("--mixup=0.2"), std::string("--cutmix=1"), std::string("--jitter=0.2"),
            std::string("--loss-smoothing=0.1"), std::string("--drop-path=0.3")})
        arguments.push_back(more);
    return arguments;
  };
  const char* const random = "efficientnet_b0";  // has dropout and stochastic depth
  const char* const tuned = "fine-tuned";        // all options of fine-tuning
  const char* const classes = "multiclass";      // mixtures have a target for each class
  for (const char* kind : {"resnet18", random, tuned, classes}) {
    ChildProcess whole(command(folder.path() / kind, kind), output);
    REQUIRE(whole.wait() == 0);
    REQUIRE(record_of(folder.path() / kind).losses.size() == 4 * (3 + 1));
  }
  struct Row {
    const char* name;
    int signal;
    std::size_t lines;  // of the log when it comes
    int status;
    int workers;  // afterwards
    const char* kind = "resnet18";
  };
  const Row rows[] = {{"control-C in the first epoch", SIGINT, 1, 130, 0},
                      {"SIGTERM", SIGTERM, 2, 143, 4},
                      {"control-C about the validation", SIGINT, 3, 130, 3},
                      {"SIGTERM in the second epoch", SIGTERM, 5, 143, 2},
                      {"the terminal was closed", SIGHUP, 2, 129, 1},
                      {"a batch system's warning", SIGUSR1, 3, 138, 1},
                      {"layers that draw random numbers", SIGINT, 5, 130, 2, random},
                      {"a frozen body", SIGINT, 2, 130, 1, tuned},
                      {"after the frozen epoch", SIGTERM, 4, 143, 2, tuned},
                      {"with an average", SIGINT, 9, 130, 0, tuned},
                      {"several classes", SIGINT, 6, 130, 2, classes}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const fs::path run = folder.path() / row.name, whole = folder.path() / row.kind;
    ChildProcess first(command(run, row.kind), output);
    REQUIRE(first.wait_until([&] { return steps_logged(run) >= row.lines; }));
    first.signal(row.signal);
    CHECK(first.wait() == row.status);
    CHECK(contains(read_text(output), "--resume continues"));
    ChildProcess second(resume_command(run, row.workers), output);
    CAPTURE(read_text(output));
    CHECK(second.wait() == 0);
    const RunRecord record = record_of(run), expected = record_of(whole);
    CHECK(record.losses == expected.losses);
    CHECK(record.last == expected.last);
    CHECK(record.best == expected.best);
    CHECK(read_text(run / "predictions.csv") == read_text(whole / "predictions.csv"));
  }
}

// Two kernels differ in the last bits, so a resumed run must take those of the stopped one. That
// the file decides is seen with the kernels that timing did not choose.
TEST_CASE("a resumed run takes the kernels that timing chose when it began") {
  if (!has_fast_path()) return;  // with one kernel there is nothing to choose
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.autotune = true;
  options.epochs = 1;
  options.schedule = "constant";
  Trainer(options).train();
  const fs::path file = options.out / "kernels.json";
  const nlohmann::ordered_json choices = read_json(file, 1 << 20);
  CHECK(choices["kernels"].size() > 20);
  nlohmann::ordered_json others = choices;
  for (const auto& [convolution, kernel] : choices["kernels"].items())
    others["kernels"][convolution] = kernel == "direct" ? "onednn" : "direct";
  const auto continued = [&](const fs::path& run, const nlohmann::ordered_json& kernels) {
    fs::copy(options.out, run, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    write_json(run / "kernels.json", kernels);
    TrainOptions more = resumed(options);
    more.out = run;
    more.epochs = 2;
    Trainer(more).train();
    CHECK(read_json(run / "kernels.json", 1 << 20) == kernels);
    return record_of(run);
  };
  const RunRecord once = continued(folder.path() / "once", choices);
  CHECK(continued(folder.path() / "again", choices) == once);
  CHECK(continued(folder.path() / "other", others) != once);
  std::ofstream(file) << "damaged";
  CHECK(contains(message_of([&] { Trainer trainer(resumed(options)); }), file.string()));
  set_autotune(false);
}

TEST_CASE("a hang-up that nohup lets a program ignore does not stop it") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run", output = folder.path() / "output";
  write_tiny_data(folder.path() / "data");
  std::vector<std::string> command = tiny_command(folder.path() / "data", run);
  command.insert(command.begin(), "/usr/bin/nohup");
  ChildProcess child(command, output);
  REQUIRE(child.wait_until([&] { return steps_logged(run) >= 1; }));
  child.signal(SIGHUP);
  CHECK(child.wait() == 0);
  CHECK(fs::exists(run / "metrics.json"));
}

TEST_CASE("a second control-C ends the program at once") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data", 100);
  const fs::path run = folder.path() / "run";
  std::vector<std::string> command = tiny_command(folder.path() / "data", run);
  set(command, "--width", "64");
  set(command, "--image-size", "256");  // a step takes seconds
  set(command, "--batch-size", "100");
  ChildProcess child(command, folder.path() / "output");
  REQUIRE(child.wait_until([&] { return fs::exists(run / "log.jsonl"); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  child.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(child.running());
  child.signal(SIGINT);
  CHECK(child.wait() == 130);
  CHECK_FALSE(fs::exists(run / "last"));
}

TEST_CASE("a resumed run takes over its options and refuses others, with both values") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.schedule = "constant";
  options.epochs = 1;
  Trainer(options).train();
  const auto with = [&](const auto& change) {
    TrainOptions changed = resumed(options);
    change(changed);
    return changed;
  };
  struct Row {
    TrainOptions options;
    const char* message;
  };
  const Row refused[] = {
      {with([](TrainOptions& o) { o.lr = 0.5; }), "--lr is 0.5 but the run in"},
      {with([](TrainOptions& o) { o.batch_size = 4; }), "began with 8"},
      {with([](TrainOptions& o) { o.seed = 1; }), "--seed is 1"},
      {with([](TrainOptions& o) { o.width = 4; }), "--width is 4 but the run in"},
      {with([](TrainOptions& o) { o.val_fraction = 0.5; }), "--val-fraction is 0.5"},
      {with([](TrainOptions& o) { o.schedule = "cosine"; }), "--schedule is \"cosine\""},
      {with([&](TrainOptions& o) { o.out = folder.path() / "none"; }), "no config.json"}};
  for (const Row& row : refused) {
    const std::string message = message_of([&] { Trainer trainer(row.options); });
    CAPTURE(message);
    CHECK(contains(message, row.message));
  }

  // Another folder with other samples; then the same samples in another folder, other workers, more
  // epochs.
  write_tiny_data(folder.path() / "other", 13);
  const TrainOptions other = with([&](TrainOptions& o) { o.data = folder.path() / "other"; });
  CHECK(contains(message_of([&] { Trainer trainer(other); }), "does not contain the samples"));
  fs::rename(folder.path() / "data", folder.path() / "moved");
  Trainer longer(with([&](TrainOptions& o) {
    o.data = folder.path() / "moved";
    o.workers = 3;
    o.cache = "none";
    o.epochs = 2;
  }));
  longer.train();
  CHECK(record_of(options.out).losses.size() == 2 * (3 + 1));
  CHECK(nlohmann::json::parse(read_text(options.out / "config.json"))["epochs"] == 2);
}

TEST_CASE("a damaged checkpoint is refused by name, and so is its model") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.epochs = 1;
  Trainer(options).train();
  const fs::path last = options.out / "last";
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "state.json"}) {
    const std::string good = read_text(last / name);
    for (const std::size_t place : {std::size_t{9}, good.size() / 2, good.size() - 2}) {
      CAPTURE(std::string(name));
      CAPTURE(place);
      flip_a_byte(last / name, place);
      const std::string message = message_of([&] { Trainer trainer(resumed(options)); });
      CAPTURE(message);
      CHECK(contains(message, name));
      CHECK((contains(message, "damaged") || contains(message, "checksum")));
      if (name == std::string("model.safetensors"))
        CHECK(contains(message_of([&] { load_model(options.out); }), "damaged"));
      std::ofstream(last / name, std::ios::binary) << good;
    }
    fs::resize_file(last / name, good.size() - 1);
    CHECK(contains(message_of([&] { Trainer trainer(resumed(options)); }), name));
    fs::remove(last / name);
    CHECK(contains(message_of([&] { Trainer trainer(resumed(options)); }), name));
    std::ofstream(last / name, std::ios::binary) << good;
  }
  std::ofstream(options.out / "log.jsonl") << "";
  CHECK(contains(message_of([&] { Trainer trainer(resumed(options)); }), "log.jsonl"));
}

TEST_CASE("a run that was killed while it moved last or best continues") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.schedule = "constant";
  options.epochs = 1;
  Trainer(options).train();
  for (const char* name : {".last.tmp", ".best.tmp"}) {
    CAPTURE(std::string(name));
    fs::create_symlink("checkpoints/step-3", options.out / name);
    ++options.epochs;
    Trainer(resumed(options)).train();
  }
  CHECK_FALSE(fs::is_symlink(options.out / ".last.tmp"));
  CHECK(fs::read_symlink(options.out / "last") == fs::path("checkpoints/step-9"));
  // Killed after pointers.json of the last checkpoint, before its links.
  fs::remove(options.out / "best");
  fs::remove(options.out / "last");
  fs::create_symlink("checkpoints/step-3", options.out / "last");
  Trainer(resumed(options)).train();
  CHECK(fs::read_symlink(options.out / "last") == fs::path("checkpoints/step-9"));
  CHECK(fs::is_symlink(options.out / "best"));
}

TEST_CASE("a state and a configuration of unreasonable size are refused") {
  const TemporaryFolder folder;
  const fs::path state = folder.write("step-3/state.json", std::string(1'000'001, ' '));
  CHECK(
      contains(message_of([&] { load_checkpoint(state.parent_path()); }), "more than the 1000000"));
  folder.write("config.json", std::string(10'000'001, ' '));
  CHECK(contains(message_of([&] { options_of_run(folder.path()); }),
                 "config.json has 10000001 bytes"));
}

TEST_CASE("invalid configurations are refused") {
  const TemporaryFolder folder;
  const nlohmann::ordered_json good = to_json(TrainOptions{});
  folder.write("config.json", good.dump());
  CHECK(options_of_run(folder.path()).epochs == TrainOptions{}.epochs);
  nlohmann::ordered_json old = good;
  old.erase("width");
  folder.write("config.json", old.dump());
  CHECK(options_of_run(folder.path()).width == 64);
  struct Row {
    const char* key;
    nlohmann::ordered_json value;
    const char* message;
  };
  const Row rows[] = {{"epochs", 1e300, "epochs is 1e+300, not a whole number"},
                      {"epochs", "many", "epochs is \"many\", not a whole number"},
                      {"image_size", 64.5, "image_size is 64.5, not a whole number"},
                      {"lr", "fast", "must be number"},
                      {"arch", 18, "must be string"}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.message));
    nlohmann::ordered_json bad = good;
    bad[row.key] = row.value;
    folder.write("config.json", bad.dump());
    const std::string message = message_of([&] { options_of_run(folder.path()); });
    CHECK(contains(message, row.message));
    CHECK(contains(message, "config.json"));
    bad.erase(row.key);
    folder.write("config.json", bad.dump());
    CHECK(contains(message_of([&] { options_of_run(folder.path()); }), row.key));
  }
}

// A run's folder may come from another person.
TEST_CASE("a run with links out of its folder is refused and nothing there changes") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.epochs = 1;
  Trainer(options).train();
  for (const char* name : {"checkpoints", "config.json", "log.jsonl"}) {
    CAPTURE(std::string(name));
    const fs::path elsewhere = folder.path() / "elsewhere" / name;
    fs::create_directories(elsewhere.parent_path());
    fs::rename(options.out / name, elsewhere);
    fs::create_symlink(elsewhere, options.out / name);
    const auto before = fs::last_write_time(elsewhere);
    const std::string message = message_of([&] { Trainer trainer(resumed(options)); });
    CHECK(contains(message, (options.out / name).string() + " is a link"));
    CHECK(fs::last_write_time(elsewhere) == before);
    fs::remove(options.out / name);
    fs::rename(elsewhere, options.out / name);
  }
  const fs::path state_file = options.out / "last/state.json";
  const nlohmann::ordered_json good = read_checked_json(state_file, 1'000'000);
  fs::create_directories(folder.path() / "step-9");
  for (const char* name : {"..", "../..", "", ".", "../../step-9", "/tmp", "step-9/../../.."}) {
    CAPTURE(std::string(name));
    nlohmann::ordered_json bad = good;
    bad["best"]["checkpoint"] = name;
    bad.erase("crc32");
    std::ofstream(state_file) << to_checked_json(bad);
    CHECK(contains(message_of([&] { Trainer trainer(resumed(options)); }), "is missing"));
    CHECK(fs::read_symlink(options.out / "best") == fs::path("checkpoints/step-3"));
  }
  // Without the limit, the message about a difference of machines would print this value by 100,000
  // nested calls.
  nlohmann::ordered_json bad = good;
  bad["crc32"] = "00000000";
  std::string text = bad.dump(2);
  text.replace(text.find("\"cpu\""), 5, std::string(100'000, '[') + std::string(100'000, ']'));
  std::ofstream(state_file) << text.replace(text.find("00000000"), 8, crc32_of(text));
  CHECK(contains(message_of([&] { Trainer trainer(resumed(options)); }), "nested more than"));
}

TEST_CASE("invalid states are refused") {
  nlohmann::ordered_json good = to_json(RunState{.best = BestSoFar{0.5, {"auroc", {}}, "step-3"}});
  CHECK(run_state_from_json(good, "auroc").best->checkpoint == "step-3");
  struct Row {
    const char* key;
    nlohmann::ordered_json value;
    const char* message;
  };
  const Row rows[] = {{"step", -1, "step is -1"},     {"epoch", 1e300, "epoch"},
                      {"batches", "many", "batches"}, {"images", nullptr, "images"},
                      {"loss_sum", "x", "state"},     {"best", 3, "state"},
                      {"skipped", 1.5, "skipped is"}, {"seconds", {}, ""}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.key));
    nlohmann::ordered_json bad = good;
    bad[row.key] = row.value;
    if (*row.message)
      CHECK(contains(message_of([&] { run_state_from_json(bad, "auroc"); }), row.message));
    bad.erase(row.key);
    CHECK(contains(message_of([&] { run_state_from_json(bad, "auroc"); }), row.key));
  }
}

TEST_CASE("the log is cut back to complete lines") {
  const TemporaryFolder folder;
  const fs::path file = folder.write("log.jsonl", "{\"a\":1}\n{\"b\":2}\n{\"c\"");
  {
    RunLog log(file, 8);
    log.write({{"d", 4}});
    CHECK(log.sync() == 16);
  }
  CHECK(read_text(file) == "{\"a\":1}\n{\"d\":4}\n");
  CHECK(contains(message_of([&] { RunLog log(file, 17); }), "lines are missing"));
}

TEST_CASE("on a full disk the run continues, and the last good checkpoint stays") {
  const TemporaryFolder folder;
  const fs::path disk = folder.path() / "disk", output = folder.path() / "output";
  // One checkpoint has 1.5 MB here; the previous one stays until the next is complete.
  const SmallDisk small(disk, "2200k");
  if (!small.mounted()) {
    MESSAGE("skipped: this user may not mount a small disk to fill");
    return;
  }
  write_tiny_data(folder.path() / "data");
  ChildProcess child(tiny_command(folder.path() / "data", disk / "run"), output);
  CHECK(child.wait() == 1);
  const std::string text = read_text(output);
  CAPTURE(text);
  CHECK(contains(text, "No space left on device"));
  CHECK(contains(text, "training continues, the last checkpoint is"));
  CHECK(contains(text, "could not be saved"));
  CHECK(contains(text, "epoch 2/2"));
  CHECK(fs::read_symlink(disk / "run/last") == fs::path("checkpoints/step-1"));
  CHECK(load_checkpoint(disk / "run/last").state["step"] == 1);
  // On a disk with free space the run is continued from there.
  fs::copy(disk / "run", folder.path() / "run",
           fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  ChildProcess again(resume_command(folder.path() / "run", 1), output);
  CHECK(again.wait() == 0);
  ChildProcess whole(tiny_command(folder.path() / "data", folder.path() / "whole"), output);
  CHECK(whole.wait() == 0);
  CHECK(record_of(folder.path() / "run") == record_of(folder.path() / "whole"));
}

TEST_CASE(
    "in a folder that becomes read-only the run continues, and the last good checkpoint stays") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run", output = folder.path() / "output";
  write_tiny_data(folder.path() / "data");
  std::vector<std::string> command = tiny_command(folder.path() / "data", run);
  set(command, "--save-every", "0");
  set(command, "--epochs", "3");
  ChildProcess child(command, output);
  REQUIRE(child.wait_until([&] { return fs::is_symlink(run / "best"); }));
  const ReadOnlyFolder closed(run / "checkpoints");
  if (!closed.works()) {
    MESSAGE("skipped: this system does not let root make a folder read-only");
    return;
  }
  CHECK(child.wait() == 1);
  const std::string text = read_text(output);
  CAPTURE(text);
  CHECK(contains(text, "Read-only file system") + contains(text, "Permission denied") == 1);
  CHECK(contains(text, "epoch 3/3"));
  CHECK(contains(text, "could not be saved"));
  CHECK(load_checkpoint(run / "last").state["step"] == 3);
}

TEST_CASE(
    "numbers that are not finite end the run with step, images and checkpoint, or are skipped") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.batch_size = 2;
  options.epochs = 1;
  options.augment = "none";
  // The logits are about -1e33, so that only an abnormal image has a loss: 1e33 times its weight,
  // which is infinite in f32.
  const auto model = make_model("resnet18", {.width = options.width});
  NamedTensors weights = state_dict(*model);
  for (const auto& [name, tensor] : weights.tensors)
    if (name == "fc.bias") fill_(tensor, -1e33);
  options.init = folder.path() / "init.safetensors";
  write_safetensors(options.init, weights);
  options.positive_weight = "999999";
  const std::string message = message_of([&] { Trainer(options).train(); });
  CAPTURE(message);
  CHECK(contains(message, "the loss is inf at step "));
  CHECK(contains(message, "The last checkpoint is none"));
  CHECK(contains(message, "train/abnormal/"));

  options.out = folder.path() / "skipping";
  options.skip_nonfinite = true;
  options.epochs = 4;
  for (const std::int64_t accumulate : {1, 2}) {
    options.accumulate = accumulate;
    options.out += "+";
    Trainer(options).train();
    std::int64_t lost = 0;
    const auto lines = read_lines(options.out / "log.jsonl");
    for (const nlohmann::json& line : lines) lost += line["loss"].is_null();
    CAPTURE(lost);
    CHECK(lost > 0);
    CHECK(lines.back()["skipped"] >= lost);
    CHECK(lines.back()["skipped"] < 4 * 12 / accumulate);
    for (const auto& [name, tensor] : load_checkpoint(options.out / "last").model.tensors)
      CHECK(std::ranges::all_of(tensor.to_vector(), [](double x) { return std::isfinite(x); }));
  }
}
