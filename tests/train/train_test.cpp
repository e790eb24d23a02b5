// The training loop and its files: the same run twice with any number of workers; usable
// checkpoints; class weights; limits; invalid model files.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "data/prepare.h"
#include "eval/binary_task.h"
#include "eval/initial_weights.h"
#include "eval/sample_weights.h"
#include "nn/models.h"
#include "nn/state_dict.h"
#include "optim/adam.h"
#include "optim/lr_scheduler.h"
#include "tests/support/message_of.h"
#include "tests/support/tiny_run.h"
#include "train/run/checkpoint.h"
#include "train/run/resume.h"
#include "train/trainer.h"

using namespace osteon;

namespace {

namespace fs = std::filesystem;

RunRecord train_tiny(const TrainOptions& options) {
  Trainer(options).train();
  return record_of(options.out);
}

ModelInfo info_of(const std::string& arch, std::int64_t width = 64) {
  return {.arch = arch,
          .width = width,
          .image_size = 64,
          .fit = Fit::stretch,
          .mean = {0.1, 0.1, 0.1},
          .std = {0.2, 0.2, 0.2},
          .classes = {"normal", "abnormal"},
          .thresholds = {0.5},
          .split = {}};
}

Manifest manifest_of(const std::vector<Sample>& samples) {
  return {"csv", "", {"normal", "abnormal"}, samples, {}};
}

}  // namespace

TEST_CASE(
    "the same seed gives the same losses and weights, bit for bit, with any number of workers") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  struct Row {
    const char* name;
    int workers;
    std::uint64_t seed;
    const char* cache;
    bool same;
  };
  const Row rows[] = {{"again", 1, 3, "memory", true},
                      {"no worker", 0, 3, "memory", true},
                      {"four workers", 4, 3, "memory", true},
                      {"no cache", 2, 3, "none", true},
                      {"another seed", 1, 4, "memory", false}};
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "first");
  options.seed = 3;
  const RunRecord first = train_tiny(options);
  REQUIRE(first.losses.size() == 2 * (3 + 1));
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    options.out = folder.path() / row.name;
    options.workers = row.workers;
    options.seed = row.seed;
    options.cache = row.cache;
    const RunRecord other = train_tiny(options);
    CHECK((other.losses == first.losses) == row.same);
    CHECK((other.last == first.last) == row.same);
  }
}

TEST_CASE("a run learns, logs, keeps its best checkpoint and evaluates it") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data", 24);
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.epochs = 4;
  options.augment = "none";
  Trainer trainer(options);
  trainer.train();
  const auto result = trainer.evaluate_best();
  const Evaluation& evaluation = dynamic_cast<const BinaryResult&>(*result).evaluation;
  CHECK(evaluation.overall.image.n == 12);
  CHECK(*evaluation.overall.image.auroc > 0.9);

  const fs::path run = options.out;
  const auto config = nlohmann::json::parse(read_text(run / "config.json"));
  CHECK(config["splits"]["train"] ==
        nlohmann::json({{"images", 48}, {"abnormal", 24}, {"studies", 48}, {"patients", 48}}));
  CHECK(config["image_size"] == 32);
  CHECK(config["unreadable"].empty());
  CHECK(fs::read_symlink(run / "last") == fs::path("checkpoints/step-24"));
  CHECK(fs::exists(run / "best/model.safetensors"));
  CHECK(fs::exists(run / "best/optimizer.safetensors"));
  const auto metrics = nlohmann::json::parse(read_text(run / "metrics.json"));
  CHECK(metrics["image"]["auroc"].get<double>() == *evaluation.overall.image.auroc);
  const auto lines = read_lines(run / "log.jsonl");
  REQUIRE(lines.size() == 4 * (6 + 1));
  CHECK(lines[6]["split"] == "val");
  CHECK(lines[27]["step"] == 24);
  // Only the checkpoints of `last` and `best` are kept.
  std::ptrdiff_t kept = std::distance(fs::directory_iterator(run / "checkpoints"), {});
  CHECK(kept == (fs::read_symlink(run / "last") == fs::read_symlink(run / "best") ? 1 : 2));

  // The run's own list of samples is a data set with the same splits.
  const Manifest again = read_manifest(run / "manifest.csv", {});
  CHECK(split_counts(again)["test"]["images"] == 12);

  CHECK(contains(message_of([&] { Trainer twice(options); }), "already contains a run"));
}

TEST_CASE("gradient accumulation and clipping match their definitions") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.accumulate = 3;
  options.clip_norm = 1;
  options.epochs = 1;
  Trainer(options).train();
  const auto lines = read_lines(options.out / "log.jsonl");
  REQUIRE(lines.size() == 2);  // three batches are one step
  CHECK(lines[0]["step"] == 1);
}

TEST_CASE("unusable data is refused before anything is written") {
  struct Row {
    const char* name;
    const char* emptied;
    const char* message;
  };
  const Row rows[] = {{"no validation", "val", "validation split is empty"},
                      {"no training", "train", "training split has 0 images"}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const TemporaryFolder folder;
    write_tiny_data(folder.path() / "data");
    fs::remove_all(folder.path() / "data" / row.emptied);
    const TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
    CHECK(contains(message_of([&] { Trainer trainer(options); }), row.message));
    CHECK_FALSE(fs::exists(options.out));
  }
}

TEST_CASE("unreadable images are left out, and too many are an error") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  folder.write("data/train/normal/0.png", "");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  const std::string message = message_of([&] { Trainer trainer(options); });
  CHECK(contains(message, "1 of 48 images cannot be read"));
  CHECK(contains(message, "0.png"));
  options.max_bad = 0.1;
  const Trainer trainer(options);
  const auto config = nlohmann::json::parse(read_text(options.out / "config.json"));
  CHECK(config["unreadable"] == nlohmann::json({"train/normal/0.png"}));
  CHECK(config["splits"]["train"]["images"] == 23);
}

TEST_CASE("mean and std beside initial weights are theirs, unless others were chosen") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data");
  TrainOptions options = tiny_options(folder.path() / "data", folder.path() / "run");
  options.epochs = 1;
  options.schedule = "constant";
  const auto source = make_model("resnet18", {.width = options.width, .seed = 1});
  const fs::path weights = folder.path() / "weights.safetensors";
  write_safetensors(weights, to_model_file(*source, info_of("resnet18", options.width)));
  struct Row {
    const char* normalization;
    bool has_weights;
    const char* recorded;
  };
  const Row rows[] = {{"auto", false, "data"},        {"data", false, "data"},
                      {"auto", true, "init"},         {"init", true, "init"},
                      {"data", true, "data"},         {"imagenet", true, "imagenet"},
                      {"imagenet", false, "imagenet"}};
  std::vector<double> of_data;
  for (const Row& row : rows) {
    CAPTURE(row.normalization);
    CAPTURE(row.has_weights);
    options.normalization = row.normalization;
    options.init = row.has_weights ? weights : fs::path();
    options.out += "+";
    Trainer(options).train();
    const auto config = nlohmann::json::parse(read_text(options.out / "config.json"));
    CHECK(config["normalization"] == row.recorded);
    const auto mean = config["mean"].get<std::vector<double>>();
    if (of_data.empty()) of_data = mean;
    const std::string recorded = row.recorded;
    CHECK(mean == (recorded == "data"   ? of_data
                   : recorded == "init" ? info_of("resnet18").mean
                                        : kImageNetMean));
    CHECK(load_model(options.out).info.mean == mean);

    fs::remove(weights);  // a resumed run does not need them
    TrainOptions again = options_of_run(options.out);
    again.resume = true;
    again.quiet = true;
    again.epochs = 2;
    Trainer(again).train();
    const auto now = nlohmann::json::parse(read_text(options.out / "config.json"));
    CHECK(now["normalization"] == row.recorded);
    CHECK(now["mean"] == config["mean"]);
    CHECK(load_model(options.out).info.mean == mean);
    write_safetensors(weights, to_model_file(*source, info_of("resnet18", options.width)));
  }
  CHECK(of_data[0] == of_data[1]);
  CHECK(of_data != info_of("resnet18").mean);
}

TEST_CASE("class weights follow the policy") {
  // Wrist: 3 normal, 1 abnormal; elbow: 1 normal, 1 abnormal; hand: 1 abnormal; other splits do not
  // count.
  std::vector<Sample> samples;
  const auto add = [&](const char* part, std::int64_t label, int count, Split split) {
    for (int i = 0; i < count; ++i) samples.push_back({"", label, "", "", part, split});
  };
  add("WRIST", 0, 3, Split::train);
  add("WRIST", 1, 1, Split::train);
  add("ELBOW", 0, 1, Split::train);
  add("ELBOW", 1, 1, Split::train);
  add("HAND", 1, 1, Split::train);
  add("WRIST", 1, 5, Split::val);
  struct Row {
    const char* policy;
    double wrist_normal, wrist_abnormal, elbow_normal, elbow_abnormal, hand;
    const char* warning;
  };
  const Row rows[] = {
      {"paper", 0.25, 0.75, 0.5, 0.5, 1, "the training images of HAND are all abnormal"},
      {"balanced", 1, 4.0 / 3, 1, 4.0 / 3, 4.0 / 3, ""},
      {"none", 1, 1, 1, 1, 1, ""},
      {"2.5", 1, 2.5, 1, 2.5, 2.5, ""}};
  std::string warnings;
  const auto weigh = [&](const std::string& policy) {
    return sample_weights(manifest_of(samples), policy,
                          [&](const std::string& warning) { warnings += warning; });
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.policy));
    warnings.clear();
    const auto weights = weigh(row.policy);
    CHECK(weights[0] == row.wrist_normal);
    CHECK(weights[3] == row.wrist_abnormal);
    CHECK(weights[4] == row.elbow_normal);
    CHECK(weights[5] == row.elbow_abnormal);
    CHECK(weights[6] == row.hand);
    CHECK(contains(warnings, row.warning));
    CHECK(warnings.empty() == std::string(row.warning).empty());
  }
  for (const char* policy : {"heavy", "0", "-1", "nan", "1x", ""}) {
    CAPTURE(std::string(policy));
    CHECK_THROWS_AS(weigh(policy), UsageError);
  }
  std::erase_if(samples, [](const Sample& sample) { return sample.label == 1; });
  for (const char* policy : {"balanced", "paper"})
    CHECK(contains(message_of([&] { weigh(policy); }), "it needs both classes"));
}

TEST_CASE("the last batch of one image is no step, and the schedule ends with the last step") {
  const TemporaryFolder folder;
  write_tiny_data(folder.path() / "data", 6);  // 12 training images
  struct Row {
    std::int64_t batch_size, accumulate, steps;  // per epoch
  };
  const Row rows[] = {{11, 1, 1}, {6, 1, 2}, {5, 1, 3}, {11, 2, 1}, {4, 2, 2}, {3, 3, 2}};
  for (const Row& row : rows) {
    CAPTURE(row.batch_size);
    CAPTURE(row.accumulate);
    TrainOptions options =
        tiny_options(folder.path() / "data",
                     folder.path() / format("run-", row.batch_size, "-", row.accumulate));
    options.batch_size = row.batch_size;
    options.accumulate = row.accumulate;
    options.schedule = "cosine";
    options.epochs = 8;
    Trainer(options).train();
    const auto lines = read_lines(options.out / "log.jsonl");
    CHECK(lines.back()["step"] == 8 * row.steps);
    const std::int64_t total = 8 * row.steps, warmup = std::min(row.steps, total / 4);
    CHECK(lines.back()["lr"] == options.lr * cosine_with_warmup(total - 1, warmup, total));
  }
}

TEST_CASE("a limit keeps a seeded choice of each split") {
  std::vector<Sample> samples;
  for (int i = 0; i < 100; ++i)
    samples.push_back(
        {std::to_string(1000 + i), i % 2, "", "", "", i < 70 ? Split::train : Split::val});
  Manifest first = manifest_of(samples), again = first, other = first;
  limit_splits(first, 20, 1);
  limit_splits(again, 20, 1);
  limit_splits(other, 20, 2);
  const auto paths = [](const Manifest& manifest) {
    std::string joined;
    for (const Sample& sample : manifest.samples) joined += sample.path + " ";
    return joined;
  };
  CHECK(split_counts(first)["train"]["images"] == 20);
  CHECK(split_counts(first)["val"]["images"] == 20);
  CHECK(split_counts(first)["train"]["abnormal"].get<int>() > 0);
  CHECK(paths(first) == paths(again));
  CHECK(paths(first) != paths(other));
}

TEST_CASE("invalid model files are named") {
  const TemporaryFolder folder;
  const auto model = make_model("resnet18", {.width = 4});
  const ModelInfo info = info_of("resnet18", 4);
  struct Row {
    const char* key;
    const char* value;
    const char* message;
  };
  const Row rows[] = {{"arch", nullptr, "no 'arch'"},
                      {"arch", "resnet99", "resnet99"},
                      {"arch", "resnet50", "missing"},
                      {"width", nullptr, "expected [64,3,7,7]"},  // that of a file without one
                      {"width", "8", "expected [8,3,7,7]"},
                      {"width", "0", "width 0 is not in [1, 256]"},
                      {"width", "257", "width 257 is not in"},
                      {"width", "4.5", "width is 4.5, not a whole number"},
                      {"image_size", "-3", "image_size -3"},
                      {"image_size", "many", "model.safetensors"},
                      {"image_size", "1e300", "image_size is 1e+300, not a whole number"},
                      {"std", "[0.2,0,0.2]", "std 0"},
                      {"mean", "[1]", "3 numbers"},
                      {"classes", "[\"a\",\"b\",\"c\"]", "but there are 3"},
                      {"threshold", "7", "threshold 7"},
                      {"fit", "crop", "crop"}};
  for (const Row& row : rows) {
    CAPTURE(std::string(row.key));
    CAPTURE(std::string(row.message));
    NamedTensors file = to_model_file(*model, info);
    if (row.value)
      file.metadata[row.key] = row.value;
    else
      file.metadata.erase(row.key);
    const fs::path path = folder.path() / "model.safetensors";
    write_safetensors(path, file);
    const std::string message = message_of([&] { load_model(path); });
    CHECK(contains(message, row.message));
    CHECK(contains(message, path.string()));
  }
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    NamedTensors file = to_model_file(*model, info);
    Tensor& filters = file.tensors[0].second;
    std::vector<double> values = filters.to_vector();
    values[5] = value;
    filters = from_vector(values, filters.shape(), filters.dtype());
    write_safetensors(folder.path() / "weights.safetensors", file);
    const std::string message =
        message_of([&] { load_model(folder.path() / "weights.safetensors"); });
    CHECK(contains(message, format("conv1.weight has the value ", value, " at element 5; did")));
  }
  CHECK(contains(message_of([&] { load_model(folder.path() / "nowhere"); }), "does not exist"));
  fs::create_directories(folder.path() / "empty");
  CHECK(contains(message_of([&] { load_model(folder.path() / "empty"); }), "contains neither"));
}

TEST_CASE("a model file keeps the width of its model; without one it is 64") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "model.safetensors";
  for (const std::int64_t width : {4, 64}) {
    CAPTURE(width);
    const auto model = make_model("resnet18", {.width = width, .seed = 1});
    NamedTensors file = to_model_file(*model, info_of("resnet18", width));
    if (width == 64) file.metadata.erase("width");
    write_safetensors(path, file);
    const TrainedModel loaded = load_model(path);
    CHECK(loaded.info.width == width);
    CHECK(loaded.model->named_state()[0].second.to_vector() ==
          model->named_state()[0].second.to_vector());
  }
}

TEST_CASE("initial weights: ours, another head, another architecture or width") {
  const TemporaryFolder folder;
  const auto source = make_model("resnet18", {.width = 64, .seed = 1});
  const ModelInfo info = info_of("resnet18");
  const fs::path path = folder.path() / "model.safetensors";
  write_safetensors(path, to_model_file(*source, info));

  const auto same = make_model("resnet18", {.seed = 2});
  const InitialWeights ours = initialise_from(*same, info, path);
  CHECK(ours.left_as_initialised.empty());
  CHECK(ours.info.mean == info.mean);
  CHECK(same->named_state()[0].second.to_vector() == source->named_state()[0].second.to_vector());

  const auto five = make_model("resnet18", {.num_classes = 5, .seed = 2});
  CHECK(initialise_from(*five, info, path).left_as_initialised ==
        std::vector<std::string>{"fc.weight", "fc.bias"});

  const auto deeper = make_model("resnet34");
  CHECK(contains(message_of([&] { initialise_from(*deeper, info_of("resnet34"), path); }),
                 "contains weights of resnet18, but --arch is resnet34; use --arch resnet18"));
  const auto narrow = make_model("resnet18", {.width = 4});
  CHECK(contains(message_of([&] { initialise_from(*narrow, info_of("resnet18", 4), path); }),
                 "contains weights of width 64, but --width is 4; use --width 64"));

  NamedTensors bare = state_dict(*source);
  write_safetensors(path, bare);
  CHECK(initialise_from(*same, info, path).info.mean == kImageNetMean);
}

TEST_CASE("checkpoints replace each other, and never a file of the user") {
  const TemporaryFolder folder;
  const fs::path run = folder.path();
  const auto model = make_model("resnet18", {.width = 4});
  Adam optimizer({{.parameters = model->named_parameters()}});
  RunPointers pointers;
  const auto save = [&](const std::string& name, bool is_best) {
    const std::string fault =
        save_checkpoint(run, name, {*model, info_of("resnet18"), optimizer}, {}, is_best, pointers);
    remove_old_checkpoints(run, pointers);
    return fault;
  };
  folder.write("checkpoints/notes/of the user", "");
  folder.write("checkpoints/step-7/of another run", "");
  CHECK(save("step-1", true).empty());
  CHECK(save("step-2", false).empty());
  CHECK(fs::read_symlink(run / "best") == fs::path("checkpoints/step-1"));
  CHECK(fs::read_symlink(run / "last") == fs::path("checkpoints/step-2"));
  CHECK(find_pointers(run)->best == "step-1");
  CHECK(find_pointers(run)->last == "step-2");
  // The remains of an interrupted run are replaced.
  folder.write("checkpoints/.step-3.partial/state.json/in the way", "");
  remove_old_checkpoints(run, pointers);
  CHECK(save("step-3", true).empty());
  CHECK(fs::read_symlink(run / "best") == fs::path("checkpoints/step-3"));
  CHECK_FALSE(fs::exists(run / "checkpoints/step-1"));
  CHECK_FALSE(fs::exists(run / "checkpoints/step-2"));
  CHECK(checkpoint_name(run, 7) == "step-7.1");

  // `last` is a folder: it stays, and pointers.json decides.
  fs::remove(run / "last");
  folder.write("last/precious", "");
  CHECK(contains(save("step-4", false), "last is not a link"));
  CHECK(find_pointers(run)->last == "step-4");
  for (const char* kept :
       {"last/precious", "checkpoints/notes/of the user", "checkpoints/step-7/of another run"})
    CHECK(fs::exists(run / kept));
}
