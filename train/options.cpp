// Checking and recording options.
#include "train/options.h"

#include <algorithm>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "base/json.h"
#include "base/option_check.h"
#include "base/parallel.h"
#include "data/augment.h"
#include "data/image/image.h"
#include "eval/calibration.h"
#include "eval/sample_weights.h"
#include "nn/models.h"

namespace osteon {
namespace {

// Calls visit(name, member) for everything that config.json records.
template <class Options, class Visit>
void for_each_option(Options& options, const Visit& visit) {
  visit("data", options.data);
  visit("dataset", options.dataset);
  visit("positive", options.positive);
  visit("parts", options.parts);
  visit("split_seed", options.split_seed);
  visit("val_fraction", options.val_fraction);
  visit("limit", options.limit);
  visit("max_bad", options.max_bad);
  visit("image_size", options.image_size);
  visit("fit", options.fit);
  visit("augment", options.augment);
  visit("normalization", options.normalization);
  visit("cache", options.cache);
  visit("workers", options.workers);
  visit("arch", options.arch);
  visit("width", options.width);
  visit("init", options.init);
  visit("zero_init_residual", options.zero_init_residual);
  visit("epochs", options.epochs);
  visit("batch_size", options.batch_size);
  visit("accumulate", options.accumulate);
  visit("optimizer", options.optimizer);
  visit("lr", options.lr);
  visit("weight_decay", options.weight_decay);
  visit("schedule", options.schedule);
  visit("clip_norm", options.clip_norm);
  visit("patience", options.patience);
  visit("positive_weight", options.positive_weight);
  visit("threshold", options.threshold);
  visit("temperature", options.temperature);
  visit("save_every", options.save_every);
  visit("skip_nonfinite", options.skip_nonfinite);
  visit("device", options.device);
  visit("backend", options.backend);
  visit("precision", options.precision);
  visit("autotune", options.autotune);
  visit("allow_nondeterministic", options.allow_nondeterministic);
  visit("threads", options.threads);
  visit("seed", options.seed);
}

// Runs of before there was this option have the default.
constexpr const char* kAddedLater[] = {"width", "patience"};

}  // namespace

void apply_recipe(const std::string& name, TrainOptions& options) {
  check_choice("recipe", name, {"mura-paper"});
  options.image_size = 320;
  options.augment = "mura-paper";
  options.normalization = "imagenet";
  options.optimizer = "adam";
  options.lr = 1e-4;
  options.weight_decay = 0;
  options.batch_size = 8;
  options.schedule = "plateau";
  options.positive_weight = "paper";
}

void check_options(const TrainOptions& options) {
  require(!options.data.empty(), "--data is required");
  require(!options.out.empty(), "--out is required");
  check_choice("dataset", options.dataset, {"auto", "mura", "fracatlas", "folder", "csv"});
  check_choice("normalization", options.normalization, {"data", "imagenet"});
  check_choice("optimizer", options.optimizer, {"adam", "adamw", "sgd"});
  check_choice("schedule", options.schedule, {"constant", "step", "plateau", "cosine"});
  check_choice("arch", options.arch, model_names());
  augmentation_from_name(options.augment);
  fit_from_name(options.fit);
  check_weight_policy(options.positive_weight);
  parse_threshold(options.threshold);
  parse_temperature(options.temperature);
  require(options.image_size == 0 || (options.image_size >= 16 && options.image_size <= 4096),
          format("--image-size ", options.image_size,
                 ": expected 16 to 4096, or 0 for the model's own"));
  require(options.width >= 1 && options.width <= kMaxWidth,
          format("--width ", options.width, ": expected 1 to ", kMaxWidth));
  require(options.epochs >= 1, format("--epochs ", options.epochs, ": expected at least 1"));
  require(options.batch_size >= 2,
          format("--batch-size ", options.batch_size, ": batch norm needs at least 2 images"));
  require(options.accumulate >= 1,
          format("--accumulate ", options.accumulate, ": expected at least 1"));
  require(options.lr > 0 && options.lr < 1e3, format("--lr ", options.lr, ": expected above 0"));
  require(options.weight_decay >= 0,
          format("--weight-decay ", options.weight_decay, ": must not be negative"));
  require(options.clip_norm >= 0,
          format("--clip-norm ", options.clip_norm, ": must not be negative"));
  require(options.patience >= 0, format("--patience ", options.patience,
                                        ": expected a number of epochs, or 0 for no end"));
  require(options.workers >= 0, format("--workers ", options.workers, ": must not be negative"));
  require(options.limit >= 0, format("--limit ", options.limit, ": must not be negative"));
  require(options.save_every >= 0,
          format("--save-every ", options.save_every, ": expected minutes, or 0 for never"));
  require(options.max_bad >= 0 && options.max_bad <= 1,
          format("--max-bad ", options.max_bad, ": expected a share from 0 to 1"));
}

nlohmann::ordered_json to_json(const TrainOptions& options) {
  nlohmann::ordered_json json;
  for_each_option(options, [&](const char* name, const auto& value) { json[name] = value; });
  json["threads"] = num_threads();
  return json;
}

TrainOptions options_from_json(const nlohmann::ordered_json& json) {
  TrainOptions options;
  try {
    for_each_option(options, [&](const char* name, auto& value) {
      using Value = std::remove_reference_t<decltype(value)>;
      if (!json.contains(name) && std::ranges::count(kAddedLater, std::string_view(name)) > 0)
        return;
      if constexpr (std::is_integral_v<Value> && !std::is_same_v<Value, bool>)
        value = to_integer<Value>(name, json.at(name));
      else
        json.at(name).get_to(value);
    });
  } catch (const nlohmann::json::exception& error) {
    throw Error(format("these are not the options of a run: ", error.what()));
  }
  return options;
}

}  // namespace osteon
