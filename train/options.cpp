// Checking and recording options, and what they set for the whole process.
#include "train/options.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <type_traits>

#include "data/augment.h"
#include "data/image.h"
#include "data/text.h"
#include "nn/models.h"
#include "ops/backend.h"
#include "tensor/cuda/transfer.h"
#include "tensor/device.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "train/calibration.h"
#include "train/json.h"
#include "train/sample_weights.h"

namespace osteon {
namespace {

void require(bool condition, const std::string& message) {
  if (!condition) throw UsageError(message);
}

void check_choice(const char* option, const std::string& value,
                  const std::vector<std::string>& choices) {
  if (std::ranges::find(choices, value) != choices.end()) return;
  std::string message = format("--", option, " '", value, "': expected ");
  for (std::size_t i = 0; i < choices.size(); ++i)
    message += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + choices[i];
  throw UsageError(message);
}

std::optional<double> number_or_word(const char* option, const std::string& value, double low,
                                     double high, const std::vector<std::string>& words) {
  if (std::ranges::find(words, value) != words.end()) return std::nullopt;
  double number = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  require(error == std::errc() && stop == end && number >= low && number <= high,
          format("--", option, " '", value, "': expected a number from ", low, " to ", high,
                 ", or ", join(words)));
  return number;
}

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

std::optional<double> parse_threshold(const std::string& value) {
  return number_or_word("threshold", value, 0, 1, {"val", "val-f1"});
}

std::optional<double> parse_temperature(const std::string& value) {
  return number_or_word("temperature", value, 1 / kLargestTemperature, kLargestTemperature,
                        {"val"});
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
  require(options.image_size >= 16 && options.image_size <= 4096,
          format("--image-size ", options.image_size, ": expected 16 to 4096"));
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

DType activation_dtype(const std::string& precision, const Device& device) {
  check_choice("precision", precision, {"fp32", "tf32", "bf16"});
  if (precision == "fp32") return DType::f32;
  if (precision == "tf32") {
    require(device.is_cuda(), "--precision tf32: only CUDA devices have it; use fp32");
    cuda::require_bf16("--precision tf32", device);
    return DType::f32;
  }
  if (device.is_cuda())
    cuda::require_bf16("--precision bf16", device);
  else if (!has_fast_bf16())
    std::fputs("note: bf16 is slower than fp32 here: no fast kernels for this processor\n", stderr);
  return DType::bf16;
}

Device configure_process(const std::string& device, const std::string& backend,
                         const std::string& precision, int threads) {
  check_choice("backend", backend, {"auto", "reference"});
  require(threads >= 0 && threads <= 1024, format("--threads ", threads, ": expected 0 to 1024"));
  if (!device.starts_with("cuda"))
    check_choice("device", device, {"auto", "cpu", "cuda", "cuda:N"});
  set_backend(backend == "reference" ? Backend::reference : Backend::automatic);
  set_allow_tf32(precision == "tf32");
  if (threads > 0) set_num_threads(threads);
  const Device chosen = device_from_name(device);
#if defined(OSTEON_HAS_CUDA)
  if (device == "auto" && !chosen.is_cuda())
    std::fprintf(stderr, "note: computing on the cpu (%s)\n",
                 cuda::why_unavailable(Device::cuda()).c_str());
#endif
  return chosen;
}

}  // namespace osteon
