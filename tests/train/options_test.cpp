// The table of training options: what config.json records and gives back, what a resumed run may
// change, and what is checked.
#include "train/options.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <set>

#include "tests/support/message_of.h"
#include "tests/support/plain_model.h"
#include "tests/support/temporary_folder.h"
#include "train/run/resume.h"

using namespace osteon;
using nlohmann::ordered_json;

namespace {

TrainOptions options_in(const TemporaryFolder& folder) {
  TrainOptions options;
  options.data = "data";
  options.out = folder.path();
  return options;
}

}  // namespace

TEST_CASE("options are read back from config.json, also from one of an older version") {
  TrainOptions options;
  options.data = "there";
  options.parts = {"WRIST", "ELBOW"};
  options.epochs = 3;
  options.lr = 0.125;
  options.width = 8;
  options.patience = 4;
  options.threads = 0;
  options.skip_nonfinite = true;
  options.precision = "bf16";
  const ordered_json json = to_json(options);
  CHECK(to_json(options_from_json(json)) == json);
  for (const char* never : {"out", "resume", "tensorboard", "quiet"}) CHECK(!json.contains(never));
  for (const auto& [key, value] : json.items()) {
    CAPTURE(key);
    ordered_json without = json;
    without.erase(key);
    const std::string message = message_of([&] { options_from_json(without); });
    const std::set<std::string> newer{"width",          "patience",     "image_names",
                                      "record",         "drop_path",    "jitter",
                                      "erase",          "mixup",        "cutmix",
                                      "head_lr",        "ema",          "hang_timeout",
                                      "scale_lr",       "shards",       "sync_batch_norm",
                                      "task",           "folds",        "fold",
                                      "loss_smoothing", "freeze",       "weight_decay_norm",
                                      "labels",         "label_column", "max_grade",
                                      "split_by",       "sample_weight"};
    CHECK(contains(message, key) == !newer.contains(key));
  }
  ordered_json old = json;
  old.erase("width");
  old.erase("patience");
  CHECK(options_from_json(old).width == 64);
  CHECK(options_from_json(old).patience == 0);
  old.erase("image_names");
  CHECK(options_from_json(old).image_names == "listed");
}

TEST_CASE("a run of version 0.1.0 keeps the mean and std of its initial weights") {
  struct Row {
    const char* init;
    const char* recorded;
    bool is_old;
    const char* meant;
  };
  const Row rows[] = {{"", "data", true, "data"},
                      {"", "imagenet", true, "imagenet"},
                      {"w.pth", "data", true, "init"},
                      {"w.pth", "imagenet", true, "init"},
                      {"w.pth", "data", false, "data"},
                      {"w.pth", "init", false, "init"},
                      {"w.pth", "imagenet", false, "imagenet"}};
  for (const Row& row : rows) {
    CAPTURE(row.recorded);
    CAPTURE(row.is_old);
    TrainOptions options;
    options.init = row.init;
    options.normalization = row.recorded;
    ordered_json json = to_json(options);
    if (row.is_old) json.erase("image_names");
    CHECK(options_from_json(json).normalization == row.meant);
  }
}

TEST_CASE("a resumed run keeps what its bits depend on") {
  struct Row {
    std::function<void(TrainOptions&)> change;
    const char* schedule;
    const char* refused;  // empty: allowed
  };
  const Row rows[] = {
      {[](TrainOptions& o) { o.epochs = 20; }, "cosine", "--epochs is 20"},
      {[](TrainOptions& o) { o.epochs = 20; }, "constant", ""},
      {[](TrainOptions& o) { o.image_size = 96; }, "constant", "--image-size is 96"},
      {[](TrainOptions& o) { o.precision = "bf16"; }, "constant", "--precision is"},
      {[](TrainOptions& o) { o.normalization = "data"; }, "constant", "--normalization is"},
      {[](TrainOptions& o) { o.autotune = true; }, "constant", "--autotune is true"},
      {[](TrainOptions& o) { o.data = "moved"; }, "constant", ""},
      {[](TrainOptions& o) { o.dataset = "csv"; }, "constant", ""},
      {[](TrainOptions& o) { o.workers = 9; }, "constant", ""},
      {[](TrainOptions& o) { o.cache = "none"; }, "constant", ""},
      {[](TrainOptions& o) { o.max_bad = 0.5; }, "constant", ""},
      {[](TrainOptions& o) { o.save_every = 1; }, "constant", ""},
      {[](TrainOptions& o) { o.skip_nonfinite = true; }, "constant", ""},
      {[](TrainOptions& o) { o.patience = 3; }, "cosine", ""},
      {[](TrainOptions& o) { o.shards = 4; }, "constant", "--shards is 4"},
      {[](TrainOptions& o) { o.hang_timeout = 5; }, "constant", ""},
      {[](TrainOptions& o) { o.backend = "reference"; }, "constant", ""},
      {[](TrainOptions& o) { o.device = "cuda:1"; }, "constant", ""},
      {[](TrainOptions& o) { o.quiet = o.tensorboard = true; }, "constant", ""}};
  for (const Row& row : rows) {
    const TemporaryFolder folder;
    TrainOptions options = options_in(folder);
    options.schedule = row.schedule;
    folder.write("config.json", to_json(options).dump());
    row.change(options);
    const std::string message = message_of([&] { check_resumable(options); });
    CAPTURE(message);
    CAPTURE(to_json(options).dump());
    CHECK(message.empty() == (*row.refused == 0));
    CHECK(contains(message, row.refused));
  }
}

TEST_CASE("invalid values are refused by name") {
  struct Row {
    std::function<void(TrainOptions&)> change;
    const char* message;  // empty: allowed
  };
  const Row rows[] = {
      {[](TrainOptions& o) { o.lr = 0; }, "--lr 0: expected above 0 and below 1000"},
      {[](TrainOptions& o) { o.lr = 1e3; }, "--lr 1000"},
      {[](TrainOptions& o) { o.lr = NAN; }, "--lr nan"},
      {[](TrainOptions& o) { o.weight_decay = -1; }, "--weight-decay -1"},
      {[](TrainOptions& o) { o.patience = -1; }, "--patience -1: expected at least 0"},
      {[](TrainOptions& o) { o.max_bad = 1.5; }, "--max-bad 1.5: expected 0 to 1"},
      {[](TrainOptions& o) { o.limit = -1; }, "--limit -1"},
      {[](TrainOptions& o) { o.workers = -1; }, "--workers -1"},
      {[](TrainOptions& o) { o.accumulate = 0; }, "--accumulate 0"},
      {[](TrainOptions& o) { o.threads = 1025; }, "--threads 1025: expected 0 to 1024"},
      {[](TrainOptions& o) { o.backend = "gpu"; },
       "--backend 'gpu': expected auto, direct or reference"},
      {[](TrainOptions& o) { o.image_size = 4097; }, "--image-size 4097"},
      {[](TrainOptions& o) { o.image_size = 16; }, ""},
      {[](TrainOptions& o) { o.normalization = "none"; }, "--normalization 'none'"},
      {[](TrainOptions& o) { o.normalization = "init"; }, "needs initial weights: add --init FILE"},
      {[](TrainOptions& o) { o.normalization = "init", o.init = "weights.pth"; }, ""},
      {[](TrainOptions& o) { o.threshold = "2"; }, "--threshold '2'"},
      {[](TrainOptions& o) { o.positive_weight = "heavy"; }, "heavy"},
      {[](TrainOptions& o) { o.zero_init_residual = true; }, ""},
      {[](TrainOptions& o) {
         o.zero_init_residual = true;
         o.arch = "plain";
       },
       "--zero-init-residual: plain does not have this choice; leave it out"},
      {[](TrainOptions& o) {
         o.drop_path = 0.1;
         o.arch = "resnet18";
       },
       "--drop-path: resnet18 does not have this choice; leave it out"},
      {[](TrainOptions& o) {
         o.drop_path = 0.1;
         o.arch = "efficientnet_lite0";
       },
       ""},
      {[](TrainOptions& o) { o.drop_path = 1; }, "--drop-path 1: expected -1 to 0.99"},
      {[](TrainOptions& o) { o.freeze = 1; }, "keeps the body's initial weights: add --init FILE"},
      {[](TrainOptions& o) { o.freeze = 1, o.init = "weights.pth"; }, ""},
      {[](TrainOptions& o) { o.jitter = 0.2, o.augment = "trivial"; },
       "--jitter: --augment trivial"},
      {[](TrainOptions& o) { o.jitter = 1.5; }, "--jitter 1.5"},
      {[](TrainOptions& o) { o.erase = -0.1; }, "--erase -0.1"},
      {[](TrainOptions& o) { o.mixup = -1; }, "--mixup -1"},
      {[](TrainOptions& o) { o.cutmix = NAN; }, "--cutmix nan"},
      {[](TrainOptions& o) { o.ema = 1; }, "--ema 1"},
      {[](TrainOptions& o) { o.loss_smoothing = 2; }, "--loss-smoothing 2"},
      {[](TrainOptions& o) { apply_recipe("finetune", o); }, "--freeze"},
      {[](TrainOptions& o) { apply_recipe("finetune", o), o.init = "weights.pth"; }, ""},
      {[](TrainOptions& o) { apply_recipe("cake", o); }, "mura-paper or finetune"},
      {[](TrainOptions&) {}, ""}};
  register_plain_model();
  const TemporaryFolder folder;
  for (const Row& row : rows) {
    TrainOptions options = options_in(folder);
    const std::string message = message_of([&] {
      row.change(options);
      check_options(options);
    });
    CAPTURE(message);
    CHECK(message.empty() == (*row.message == 0));
    CHECK(contains(message, row.message));
  }
}
