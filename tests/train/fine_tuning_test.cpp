// The options of fine-tuning, seen in runs: parameter groups, a frozen body, the average of the
// weights, smoothed labels and mixtures.
#include <doctest/doctest.h>

#include <map>

#include "eval/inference.h"
#include "eval/model_file.h"
#include "nn/models.h"
#include "nn/name_match.h"
#include "nn/state_dict.h"
#include "ops/ops.h"
#include "optim/sgd.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_run.h"
#include "train/batch_changes.h"
#include "train/parameter_groups.h"
#include "train/run/checkpoint.h"
#include "train/trainer.h"
#include "train/training_data.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;
using Values = std::map<std::string, std::vector<double>>;

Values values_of(const NamedTensors& file) {
  Values values;
  for (const auto& [name, tensor] : file.tensors) values[name] = tensor.to_vector();
  return values;
}

Values last_values(const fs::path& run) {
  return values_of(read_safetensors(run / "last/model.safetensors"));
}

// A data set and initial weights.
struct Start {
  Start() {
    write_tiny_data(folder.path() / "data");
    const auto model = make_model("resnet18", {.width = 8, .seed = 9});
    write_safetensors(init, state_dict(*model));
    initial = values_of(state_dict(*model));
  }
  TrainOptions options(const std::string& name) const {
    TrainOptions options = tiny_options(folder.path() / "data", folder.path() / name);
    options.init = init;
    options.epochs = 1;
    return options;
  }

  TemporaryFolder folder;
  fs::path init = folder.path() / "init.safetensors";
  Values initial;
};

}  // namespace

TEST_CASE("parameters are grouped by learning rate and weight decay") {
  struct Row {
    double head_lr, weight_decay_norm;
    std::vector<std::pair<double, double>> groups;  // learning rate and decay, in their order
  };
  const Row rows[] = {{0, -1, {{0.1, 0.2}}},
                      {0.1, 0.2, {{0.1, 0.2}}},
                      {0.5, -1, {{0.1, 0.2}, {0.5, 0.2}}},
                      {0, 0, {{0.1, 0.2}, {0.1, 0}}},
                      {0.5, 0, {{0.1, 0.2}, {0.1, 0}, {0.5, 0.2}, {0.5, 0}}}};
  const auto model = make_model("resnet18", {.width = 4});
  for (const Row& row : rows) {
    TrainOptions options;
    options.lr = 0.1;
    options.weight_decay = 0.2;
    options.head_lr = row.head_lr;
    options.weight_decay_norm = row.weight_decay_norm;
    std::vector<std::pair<double, double>> groups;
    std::size_t parameters = 0;
    for (const ParameterGroup& group : parameter_groups(*model, "fc", options)) {
      groups.emplace_back(group.lr, group.weight_decay);
      parameters += group.parameters.size();
      for (const auto& entry : group.parameters) {
        const std::string& name = entry.first;
        CAPTURE(name);
        CHECK(group.lr == (is_below(name, "fc") && row.head_lr > 0 ? row.head_lr : 0.1));
        const bool is_vector = name.ends_with("bias") || contains(name, "bn");
        const bool is_exception =
            row.weight_decay_norm >= 0 && (is_vector || contains(name, "downsample.1"));
        CHECK(group.weight_decay == (is_exception ? row.weight_decay_norm : 0.2));
      }
    }
    CHECK(groups == row.groups);
    CHECK(parameters == model->named_parameters().size());
  }
}

TEST_CASE("a frozen body keeps its weights and statistics, bit for bit, and then moves") {
  const Start start;
  struct Row {
    std::int64_t freeze;
    bool is_body_kept;
  };
  for (const Row& row : {Row{0, false}, Row{1, true}, Row{5, true}}) {
    CAPTURE(row.freeze);
    TrainOptions options = start.options(format("run", row.freeze));
    options.freeze = row.freeze;
    Trainer(options).train();
    for (const auto& tensor : last_values(options.out)) {
      CAPTURE(tensor.first);
      const bool is_kept = row.is_body_kept && !is_below(tensor.first, "fc");
      CHECK((tensor.second == start.initial.at(tensor.first)) == is_kept);
    }
  }
  TrainOptions options = start.options("two epochs");
  options.freeze = 1;
  options.epochs = 2;
  Trainer(options).train();
  for (const auto& tensor : last_values(options.out)) {
    CAPTURE(tensor.first);
    CHECK(tensor.second != start.initial.at(tensor.first));
  }
}

TEST_CASE("a checkpoint contains weights and average, and its model is the better one") {
  const Start start;
  TrainOptions options = start.options("run");
  options.ema = 0.9;
  options.epochs = 4;
  Trainer(options).train();
  for (const auto& line : read_lines(options.out / "log.jsonl")) {
    if (line["split"] != "val") continue;
    const double weights = line["weights_auroc"], average = line["average_auroc"];
    CHECK(line["auroc"].get<double>() == std::max(weights, average));
  }
  const fs::path last = options.out / "last";
  const auto state = nlohmann::json::parse(read_text(last / "state.json"));
  const Values model = last_values(options.out);
  const Values other = values_of(read_safetensors(last / "other.safetensors"));
  const Checkpoint checkpoint = load_checkpoint(last);
  const bool is_average = state["average_is_better"];
  CHECK(values_of(checkpoint.model) == (is_average ? other : model));
  CHECK(values_of(checkpoint.average) == (is_average ? model : other));
  CHECK(other.size() == model.size());
  CHECK(other != model);
  CHECK(contains(message_of([&] {
                   std::ofstream(last / "other.safetensors", std::ios::app) << "x";
                   load_checkpoint(last);
                 }),
                 "other.safetensors"));
}

TEST_CASE("a checkpoint gives back weights and average, whichever was the better one") {
  const auto model = make_model("resnet18", {.width = 4, .seed = 1});
  const auto average = make_model("resnet18", {.width = 4, .seed = 2});
  const Values weights = values_of(state_dict(*model)), means = values_of(state_dict(*average));
  ModelInfo info;
  info.arch = "resnet18";
  info.mean = info.std = {1, 1, 1};
  info.classes = {"normal", "abnormal"};
  const SGD optimizer({{.parameters = model->named_parameters()}});
  for (const bool is_average_better : {false, true}) {
    CAPTURE(is_average_better);
    const TemporaryFolder folder;
    RunPointers pointers;
    save_checkpoint(folder.path(), "step-1",
                    {*model, info, optimizer, average.get(), is_average_better}, {}, true,
                    pointers);
    const fs::path saved = folder.path() / "checkpoints/step-1";
    CHECK(values_of(read_safetensors(saved / "model.safetensors")) ==
          (is_average_better ? means : weights));
    const Checkpoint checkpoint = load_checkpoint(saved);
    CHECK(values_of(checkpoint.model) == weights);
    CHECK(values_of(checkpoint.average) == means);
  }
}

// With a decay of nearly 0 it is equal to them up to rounding, after each step.
TEST_CASE("the average follows the weights") {
  const Start start;
  TrainOptions options = start.options("run");
  options.ema = 1e-12;
  Trainer(options).train();
  const Checkpoint checkpoint = load_checkpoint(options.out / "last");
  const Values weights = values_of(checkpoint.model), average = values_of(checkpoint.average);
  CHECK(weights != start.initial);
  for (const auto& tensor : weights) {
    CAPTURE(tensor.first);
    for (std::size_t i = 0; i < tensor.second.size(); ++i)
      REQUIRE(average.at(tensor.first)[i] == doctest::Approx(tensor.second[i]).epsilon(1e-4));
  }
}

TEST_CASE("one step of smoothing, mixing and each change of images differs from a plain one") {
  const Start start;
  const auto first_loss = [&](const char* name, const auto& change) {
    TrainOptions options = start.options(name);
    options.augment = "none";
    change(options);
    Trainer(options).train();
    return read_lines(options.out / "log.jsonl").front()["loss"].template get<double>();
  };
  const double plain = first_loss("plain", [](TrainOptions&) {});
  CHECK(first_loss("again", [](TrainOptions&) {}) == plain);
  struct Row {
    const char* name;
    void (*change)(TrainOptions&);
  };
  const Row rows[] = {{"smoothing", [](TrainOptions& o) { o.loss_smoothing = 0.2; }},
                      {"jitter", [](TrainOptions& o) { o.jitter = 0.3; }},
                      {"erase", [](TrainOptions& o) { o.erase = 1; }},
                      {"mixup", [](TrainOptions& o) { o.mixup = 1; }},
                      {"cutmix", [](TrainOptions& o) { o.cutmix = 1; }},
                      {"trivial", [](TrainOptions& o) { o.augment = "trivial"; }}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(first_loss(row.name, row.change) != plain);
  }
}

// The loss of the first batch, computed here from the loader's batch, the mixed images and the
// mixed targets and weights.
TEST_CASE("the loss of mixed images is that of their mixed targets and weights") {
  const Start start;
  TrainOptions options = start.options("run");
  options.augment = "none";
  options.normalization = "data";
  options.positive_weight = "3";
  options.mixup = 1;
  Trainer(options).train();
  Progress quiet(true);
  const TrainingData data = load_training_data(options, quiet);
  Loader loader(*data.images.store, data.train,
                {.batch_size = options.batch_size,
                 .image_size = options.image_size,
                 .shuffle = true,
                 .seed = options.seed});
  Batch batch;
  REQUIRE(loader.next(batch));
  ModelInfo info;
  info.image_size = options.image_size;
  info.mean.assign(3, data.images.mean);
  info.std.assign(3, data.images.std);
  const BatchChangeOptions changes{
      .mixup = 1, .image_size = options.image_size, .seed = options.seed};
  const Mixture mixture = draw_mixture(changes, 0, 0);
  const Tensor images =
      apply_changes(changes, model_input(batch.images, batch.matrices, info, DType::f32),
                    change_inputs(changes, batch, mixture, info));
  std::vector<double> weights_of_images;
  for (const std::int64_t index : batch.indices)
    weights_of_images.push_back(data.weights[static_cast<std::size_t>(index)]);
  Tensor targets = data.task->targets(data.samples(batch.indices), DType::f32);
  Tensor weights = from_vector(weights_of_images, targets.shape());
  mix_targets(mixture, targets, weights);
  const auto model = make_model("resnet18", {.width = 8});
  load_state_dict(*model, read_safetensors(start.init));
  const double loss = data.task->loss(outputs_of(*model, images), targets, weights).item();
  CHECK(read_lines(options.out / "log.jsonl").front()["loss"].get<double>() ==
        doctest::Approx(loss).epsilon(1e-6));
}

TEST_CASE("smoothed targets") {
  const auto task = make_task("binary", {"normal", "abnormal"});
  const Tensor targets = from_vector({0, 1}, {2}, DType::f64);
  CHECK(task->smooth(targets, 0).to_vector() == std::vector<double>{0, 1});
  CHECK(task->smooth(targets, 0.2).to_vector() == std::vector<double>{0.1, 0.9});
  CHECK(task->smooth(targets, 1).to_vector() == std::vector<double>{0.5, 0.5});
}
