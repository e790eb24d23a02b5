// Reads and writes the metadata of model files: texts in the safetensors header, lists as JSON.
#include "eval/model_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "base/checksums.h"
#include "base/json.h"
#include "eval/run_pointers.h"
#include "eval/task.h"
#include "nn/models.h"
#include "nn/state_dict.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Metadata = std::map<std::string, std::string>;

constexpr std::int64_t kMaxImageSize = 8192;

const std::string& text(const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  OSTEON_CHECK(found != metadata.end(), "its metadata has no '", key,
               "'; is it a model.safetensors of a training run?");
  return found->second;
}

// Runs `body` and puts the file's name before the message of an error.
template <class Body>
auto naming(const fs::path& file, const Body& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    throw Error(format(file.string(), ": ", error.what()));
  }
}

// Sixteen hexadecimal digits for each.
std::string digests_to_text(const std::vector<std::uint64_t>& digests) {
  std::string text;
  for (const std::uint64_t digest : digests) {
    std::array<char, 17> digits{};
    std::snprintf(digits.data(), digits.size(), "%016" PRIx64, digest);
    text += digits.data();
  }
  return text;
}

std::vector<std::uint64_t> digests_from_text(const std::string& text) {
  constexpr std::size_t kDigits = 16;
  OSTEON_CHECK(text.size() % kDigits == 0, "trained_on has ", text.size(),
               " digits, not a multiple of ", kDigits);
  std::vector<std::uint64_t> digests;
  for (const char* at = text.data(); at != text.data() + text.size(); at += kDigits) {
    std::uint64_t digest = 0;
    const auto [end, error] = std::from_chars(at, at + kDigits, digest, 16);
    OSTEON_CHECK(error == std::errc() && end == at + kDigits,
                 "trained_on contains a character that is not a hexadecimal digit");
    digests.push_back(digest);
  }
  OSTEON_CHECK(std::ranges::is_sorted(digests), "trained_on is not sorted");
  return digests;
}

// The number `threshold` of one decision, or the list `thresholds` of several.
std::vector<double> read_thresholds(const Metadata& metadata, std::size_t count) {
  if (count == 0) return {};
  const char* const key = count == 1 && metadata.contains("threshold") ? "threshold" : "thresholds";
  const json value = parse_json(text(metadata, key));
  const auto thresholds =
      value.is_array() ? value.get<std::vector<double>>() : std::vector{value.get<double>()};
  OSTEON_CHECK(thresholds.size() == count, key, " has ", thresholds.size(), " numbers, not ",
               count);
  for (const double threshold : thresholds)
    OSTEON_CHECK(threshold >= 0 && threshold <= 1, "threshold ", threshold, " is not in [0, 1]");
  return thresholds;
}

}  // namespace

WeightsInfo read_weights_info(const Metadata& metadata) {
  const auto parsed = [&](const char* key) { return parse_json(text(metadata, key)); };
  WeightsInfo info;
  info.arch = text(metadata, "arch");
  // Older files have no width.
  if (metadata.contains("width")) info.width = to_integer<std::int64_t>("width", parsed("width"));
  info.mean = parsed("mean").get<std::vector<double>>();
  info.std = parsed("std").get<std::vector<double>>();
  if (metadata.contains("source")) info.source = text(metadata, "source");
  if (metadata.contains("licence")) info.licence = text(metadata, "licence");
  if (metadata.contains("trained_on"))
    info.trained_on = digests_from_text(text(metadata, "trained_on"));
  OSTEON_CHECK(info.width >= 1 && info.width <= kMaxWidth, "width ", info.width, " is not in [1, ",
               kMaxWidth, "]");
  OSTEON_CHECK(info.mean.size() == 3 && info.std.size() == 3, "mean and std need 3 numbers each");
  for (const double std : info.std) OSTEON_CHECK(std > 0, "std ", std, " is not positive");
  return info;
}

ModelInfo read_model_info(const Metadata& metadata) {
  const auto parsed = [&](const char* key) { return parse_json(text(metadata, key)); };
  WeightsInfo weights = read_weights_info(metadata);
  ModelInfo info;
  info.arch = weights.arch;
  info.width = weights.width;
  info.mean = std::move(weights.mean);
  info.std = std::move(weights.std);
  info.source = weights.source;
  info.licence = weights.licence;
  info.trained_on = std::move(weights.trained_on);
  info.image_size = to_integer<std::int64_t>("image_size", parsed("image_size"));
  info.fit = fit_from_name(text(metadata, "fit"));
  if (metadata.contains("task")) info.task = text(metadata, "task");  // older files have no task
  info.classes = parsed("classes").get<std::vector<std::string>>();
  if (metadata.contains("label_column")) info.label_column = text(metadata, "label_column");
  if (metadata.contains("data_names"))
    info.data_names = parsed("data_names").get<std::vector<std::string>>();
  if (metadata.contains("target_std")) {
    info.target_mean = parsed("target_mean").get<double>();
    info.target_std = parsed("target_std").get<double>();
    OSTEON_CHECK(std::isfinite(info.target_mean), "target_mean is not finite");
    OSTEON_CHECK(info.target_std > 0, "target_std ", info.target_std, " is not positive");
  }
  // Older checkpoints have no temperature.
  if (metadata.contains("temperature")) info.temperature = parsed("temperature").get<double>();
  info.split = {to_integer<std::uint64_t>("split_seed", parsed("split_seed")),
                parsed("val_fraction").get<double>(),
                metadata.contains("image_names") ? names_from_rule(text(metadata, "image_names"))
                                                 : ImageNames::listed};
  if (metadata.contains("folds")) {  // older files have none
    info.split.folds = {to_integer<std::int64_t>("folds", parsed("folds")),
                        to_integer<std::int64_t>("fold", parsed("fold"))};
    check_folds(info.split.folds);
  }
  if (metadata.contains("split_by")) info.split.split_by = text(metadata, "split_by");
  OSTEON_CHECK(info.image_size >= 1 && info.image_size <= kMaxImageSize, "image_size ",
               info.image_size, " is not in [1, ", kMaxImageSize, "]");
  info.thresholds = read_thresholds(metadata, make_task(info.task, info.classes)->thresholds());
  OSTEON_CHECK(info.temperature > 0, "temperature ", info.temperature, " is not positive");
  return info;
}

void add_trained_on(ModelInfo& info, const std::vector<std::uint64_t>& digests) {
  if (!info.trained_on) info.trained_on.emplace();
  std::vector<std::uint64_t>& all = *info.trained_on;
  all.insert(all.end(), digests.begin(), digests.end());
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

Metadata to_metadata(const WeightsInfo& info) {
  Metadata metadata{{"arch", info.arch},
                    {"width", json(info.width).dump()},
                    {"mean", json(info.mean).dump()},
                    {"std", json(info.std).dump()}};
  if (!info.source.empty()) metadata["source"] = info.source;
  if (!info.licence.empty()) metadata["licence"] = info.licence;
  if (info.trained_on) metadata["trained_on"] = digests_to_text(*info.trained_on);
  return metadata;
}

Metadata to_metadata(const ModelInfo& info) {
  Metadata metadata = to_metadata(WeightsInfo{.arch = info.arch,
                                              .width = info.width,
                                              .mean = info.mean,
                                              .std = info.std,
                                              .source = info.source,
                                              .licence = info.licence,
                                              .trained_on = info.trained_on});
  metadata.insert({{"image_size", json(info.image_size).dump()},
                   {"fit", fit_name(info.fit)},
                   {"task", info.task},
                   {"classes", json(info.classes).dump()},
                   {"temperature", json(info.temperature).dump()},
                   {"split_seed", json(info.split.seed).dump()},
                   {"val_fraction", json(info.split.val_fraction).dump()},
                   {"image_names", names_rule(info.split.names)}});
  if (info.thresholds.size() == 1) metadata["threshold"] = json(info.thresholds[0]).dump();
  if (info.thresholds.size() > 1) metadata["thresholds"] = json(info.thresholds).dump();
  if (!info.label_column.empty()) metadata["label_column"] = info.label_column;
  if (!info.data_names.empty()) metadata["data_names"] = json(info.data_names).dump();
  if (info.task == "regression") {
    metadata["target_mean"] = json(info.target_mean).dump();
    metadata["target_std"] = json(info.target_std).dump();
  }
  if (info.split.folds.folds > 0) {
    metadata["folds"] = json(info.split.folds.folds).dump();
    metadata["fold"] = json(info.split.folds.fold).dump();
  }
  if (!info.split.split_by.empty()) metadata["split_by"] = info.split.split_by;
  return metadata;
}

NamedTensors to_model_file(const Module& model, const ModelInfo& info) {
  NamedTensors file = state_dict(model);
  file.metadata = to_metadata(info);
  file.metadata["format"] = "pt";
  return file;
}

fs::path find_model_file(const fs::path& path) {
  if (fs::is_regular_file(path)) return path;
  if (fs::is_regular_file(path / kModelFile)) return path / kModelFile;
  const bool is_link_name = path.filename() == "best" || path.filename() == "last";
  const bool is_missing_link = is_link_name && !fs::exists(path);
  const fs::path run = is_missing_link ? path.parent_path() : path;
  OSTEON_CHECK(fs::exists(run), "checkpoint ", path.string(), " does not exist");
  // A copy of a run's best checkpoint alone.
  if (!fs::exists(run / kCheckpoints) && fs::is_regular_file(run / "best" / kModelFile))
    return run / "best" / kModelFile;
  const std::optional<RunPointers> pointers = find_pointers(run);
  OSTEON_CHECK(pointers, "checkpoint ", path.string(), " contains neither ", kModelFile,
               " nor the checkpoints of a run");
  const std::string& name =
      is_missing_link && path.filename() == "last" ? pointers->last : pointers->best;
  OSTEON_CHECK(!name.empty(), run.string(), " has no best checkpoint yet; its last one is ",
               (run / kCheckpoints / pointers->last).string());
  const fs::path file = run / kCheckpoints / name / kModelFile;
  OSTEON_CHECK(fs::is_regular_file(file), "checkpoint ", path.string(), ": ", file.string(),
               " is missing");
  return file;
}

void verify_model_file(const fs::path& file) {
  const fs::path state = file.parent_path() / kStateFile;
  if (file.filename() == kModelFile && fs::is_regular_file(state))
    read_checked_json(state, kMaxStateBytes, {kModelFile});
}

void check_finite(const NamedTensors& weights, const char* consequence) {
  for (const auto& [name, tensor] : weights.tensors) {
    const std::vector<double> values = tensor.to_vector();
    const auto bad = std::ranges::find_if(values, [](double x) { return !std::isfinite(x); });
    OSTEON_CHECK(bad == values.end(), name, " has the value ", *bad, " at element ",
                 bad - values.begin(), "; ", consequence);
  }
}

// The predictions would not show a value that is not finite: oneDNN's ReLU makes NaN 0.
TrainedModel load_model(const fs::path& path, const Device& device) {
  const fs::path file = find_model_file(path);
  verify_model_file(file);
  const NamedTensors contents = read_safetensors(file);
  return naming(file, [&] {
    TrainedModel trained{read_model_info(contents.metadata), nullptr};
    trained.model = make_model(trained.info.arch, {.num_classes = task_of(trained.info)->outputs(),
                                                   .width = trained.info.width});
    load_state_dict(*trained.model, contents);
    check_finite(contents, "did training diverge, or is the file damaged?");
    trained.model->eval();
    trained.model->to(device);
    return trained;
  });
}

}  // namespace osteon
