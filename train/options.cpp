// Checking and recording options.
#include "train/options.h"

#include <type_traits>

#include "base/json.h"
#include "base/output_path.h"
#include "base/parallel.h"
#include "data/folds.h"
#include "train/option_table.h"

namespace osteon {

namespace {

void apply_finetune(TrainOptions& options) {
  options.optimizer = "adamw";
  options.batch_size = 32;
  options.lr = 3e-4;
  options.head_lr = 3e-3;
  options.weight_decay = 0.05;
  options.weight_decay_norm = 0;
  options.schedule = "cosine";
  options.freeze = 1;
  options.ema = 0.998;
  options.jitter = 0.2;
  options.erase = 0.25;
  options.loss_smoothing = 0.05;
  options.positive_weight = "balanced";
}

}  // namespace

void apply_recipe(const std::string& name, TrainOptions& options) {
  if (name == "finetune") return apply_finetune(options);
  if (name != "mura-paper")
    throw UsageError(format("--recipe '", name, "': expected mura-paper or finetune"));
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
  if (options.data.empty()) throw UsageError("--data is required");
  if (options.out.empty()) throw UsageError("--out is required");
  for_each_option(options, [](const OptionInfo& info, const auto& value, const auto& check) {
    check_option(info.name, value, check);
  });
  check_folds({options.folds, options.fold});
  const Architecture& architecture = find_architecture(options.arch);
  if (options.zero_init_residual && !architecture.has_residuals)
    throw UsageError(
        format("--zero-init-residual: ", options.arch, " does not have this choice; leave it out"));
  if (options.drop_path >= 0 && !architecture.has_drop_path)
    throw UsageError(
        format("--drop-path: ", options.arch, " does not have this choice; leave it out"));
  if (options.jitter > 0 && options.augment == "trivial")
    throw UsageError(
        "--jitter: --augment trivial changes brightness and contrast itself; leave one of them "
        "out");
  if (options.freeze > 0 && options.init.empty())
    throw UsageError(
        "--freeze, which --recipe finetune sets, keeps the body's initial weights: add --init "
        "FILE");
  if (options.image_size % architecture.size_multiple != 0)
    throw UsageError(format("--image-size: ", options.arch, " cannot take ", options.image_size,
                            " pixels; the size must be a multiple of ", architecture.size_multiple,
                            ", such as ", architecture.image_size));
  if (options.normalization == "init" && options.init.empty())
    throw UsageError("--normalization init needs initial weights: add --init FILE");
  for (const DataSet& set : options.data) check_outside_data("out", options.out, set.path);
  check_can_fill_folder("out", options.out);
  if (options.cache != "none" && options.cache != "memory")
    for (const DataSet& set : options.data) check_outside_data("cache", options.cache, set.path);
}

nlohmann::ordered_json to_json(const TrainOptions& options) {
  nlohmann::ordered_json json;
  for_each_option(options, [&](const OptionInfo& info, const auto& value, const auto&) {
    if (info.is_recorded) json[config_key(info.name)] = value;
  });
  json["threads"] = num_threads();
  return json;
}

TrainOptions options_from_json(const nlohmann::ordered_json& json) {
  TrainOptions options;
  options.image_names = "listed";  // of earlier versions, which did not record it
  try {
    for_each_option(options, [&](const OptionInfo& info, auto& value, const auto&) {
      using Value = std::remove_reference_t<decltype(value)>;
      const std::string key = config_key(info.name);
      if (!info.is_recorded || (info.may_be_absent && !json.contains(key))) return;
      if constexpr (std::is_integral_v<Value> && !std::is_same_v<Value, bool>)
        value = to_integer<Value>(key.c_str(), json.at(key));
      else
        json.at(key).get_to(value);
    });
  } catch (const nlohmann::json::exception& error) {
    throw Error(format("these are not the options of a run: ", error.what()));
  }
  // Version 0.1.0 ignored --normalization beside --init.
  if (!options.init.empty() && !json.contains("image_names")) options.normalization = "init";
  return options;
}

}  // namespace osteon
