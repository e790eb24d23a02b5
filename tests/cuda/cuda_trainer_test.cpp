// Whole runs on a CUDA device: trained, saved, resumed and evaluated as on the CPU. Built for a
// real device and for the emulated one (cuda_emulator/).
#include <doctest/doctest.h>

#include <cmath>

#include "eval/inference.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "ops/backend.h"
#include "tensor/autograd.h"
#include "tests/cuda/cuda_device.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_tasks.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

TrainOptions options_for(const fs::path& data, const fs::path& run) {
  TrainOptions options = tiny_options(data, run);
  options.precision = "bf16";
  options.optimizer = "sgd";
  options.lr = 0.01;
  options.schedule = "constant";
  return options;
}

RunRecord trained(const TrainOptions& options, const Device& device) {
  Trainer trainer(options, device);
  trainer.train();
  return record_of(options.out);
}

void check_losses(const RunRecord& run, const RunRecord& on_cpu) {
  REQUIRE(on_cpu.losses.size() == run.losses.size());
  for (std::size_t i = 0; i < on_cpu.losses.size(); ++i) {
    CAPTURE(i);
    CHECK(run.losses[i] == doctest::Approx(on_cpu.losses[i]).epsilon(1e-3));
  }
}

}  // namespace

TEST_CASE(
    "a run on a CUDA device gives the same result with and without a stop, and is evaluated") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  write_tiny_data(data);

  TrainOptions whole = options_for(data, folder.path() / "whole");
  const RunRecord expected = trained(whole, device);
  CHECK(expected.losses.size() == 2 * (3 + 1));
  for (const double loss : expected.losses) CHECK(std::isfinite(loss));
  CHECK(expected.losses[6] < expected.losses[0]);
  const auto lines = read_lines(whole.out / "log.jsonl");
  CHECK(lines.back()["peak_bytes"].get<double>() > 1e6);
  const auto config = nlohmann::json::parse(read_text(whole.out / "config.json"));
  CHECK(config["device"] == format(device));

  SUBCASE("continued after its first epoch") {
    TrainOptions options = options_for(data, folder.path() / "continued");
    options.epochs = 1;
    trained(options, device);
    options.resume = true;
    options.epochs = 2;
    CHECK(trained(options, device) == expected);
  }
  SUBCASE("with images that are sent with each batch, not kept on the device") {
    TrainOptions options = options_for(data, folder.path() / "sent");
    options.cache = "none";
    CHECK(trained(options, device) == expected);
  }
  SUBCASE("with each step issued call by call") {
    TrainOptions options = options_for(data, folder.path() / "by_call");
    options.record = "off";
    CHECK(trained(options, device) == expected);
  }
  SUBCASE("evaluated from its files, on the device and on the CPU") {
    std::vector<double> losses;
    for (const Device& where : {device, Device::cpu()}) {
      const TrainedModel model = load_model(whole.out, where);
      CHECK(model.model->device() == where);
      const NoGrad no_grad;
      const Tensor images = full({4, 32, 32, 3}, 0.25).to(where);
      losses.push_back(outputs_of(*model.model, images).to_vector()[0]);
    }
    CHECK(losses[0] == doctest::Approx(losses[1]).epsilon(1e-4));
  }
}

// A step is reported after the next one was issued, but with its own values.
TEST_CASE("a recorded step replays the changes of fine-tuning") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", initial = folder.path() / "initial.safetensors";
  write_tiny_data(data);
  write_safetensors(initial, state_dict(*make_model("resnet18", {.width = 8, .seed = 9})));
  const auto run = [&](const char* name, const char* record, const Device& where) {
    TrainOptions options = options_for(data, folder.path() / name);
    options.precision = "fp32";
    options.init = initial;
    options.freeze = 1;
    options.ema = 0.9;
    options.head_lr = 0.03;
    options.weight_decay = 0.01;
    options.weight_decay_norm = 0;
    options.jitter = 0.2;
    options.erase = 0.5;
    options.mixup = 0.2;
    options.cutmix = 1;
    options.loss_smoothing = 0.1;
    options.record = record;
    return trained(options, where);
  };
  const RunRecord recorded = run("recorded", "auto", device);
  CHECK(run("by call", "off", device) == recorded);
  check_losses(recorded, run("cpu", "off", Device::cpu()));
}

TEST_CASE("a recorded step of each task") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const TemporaryFolder folder;
  const fs::path data = write_task_set(folder.path());
  for (const TinyTask& task : kTinyTasks) {
    CAPTURE(std::string(task.name));
    const auto run = [&](const std::string& name, const char* record, const Device& where) {
      TrainOptions options = options_for(data, folder.path() / (task.name + name));
      options.precision = "fp32";
      options.task = task.name;
      task.set(options);
      options.epochs = 1;
      options.lr = 1e-3;  // larger steps amplify rounding
      options.mixup = 0.3;
      options.record = record;
      return trained(options, where);
    };
    const RunRecord recorded = run("recorded", "auto", device);
    CHECK(run("by call", "off", device) == recorded);
    check_losses(recorded, run("cpu", "off", Device::cpu()));
  }
}

TEST_CASE("the log has each step's learning rate, as on the CPU") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  std::vector<std::vector<double>> rates;
  for (const Device& where : {Device::cpu(), device}) {
    TrainOptions options = options_for(folder.path() / "data", folder.path() / format(where));
    options.epochs = 1;
    options.schedule = "cosine";
    trained(options, where);
    rates.emplace_back();
    for (const nlohmann::json& line : read_lines(options.out / "log.jsonl"))
      if (line["split"] == "train") rates.back().push_back(line["lr"].get<double>());
  }
  CHECK(rates[0].size() == 3);
  CHECK(rates[0][0] > rates[0][1]);
  CHECK(rates[0] == rates[1]);
}

TEST_CASE("plans that were chosen by timing are kept with the run") {
  const Device device = device_under_test();
  if (!device.is_cuda()) return;
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = options_for(folder.path() / "data", folder.path() / "run");
  options.epochs = 1;
  options.autotune = true;
  trained(options, device);
  const fs::path plans = options.out / "plans.safetensors";
  CHECK(fs::file_size(plans) > 100);
  options.resume = true;
  options.epochs = 2;
  trained(options, device);
  options.epochs = 3;  // with plans that were written by the resumed run
  trained(options, device);
  std::ofstream(plans) << "damaged";
  CHECK(contains(message_of([&] { Trainer trainer(options, device); }), plans.string()));
  options.autotune = false;
  CHECK(contains(message_of([&] { Trainer trainer(options, device); }), "--autotune is false"));
  set_autotune(false);
}
