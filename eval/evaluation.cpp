// Evaluates models and writes the results.
#include "eval/evaluation.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "comm/process_group.h"
#include "data/prepare.h"
#include "eval/calibration.h"
#include "eval/grad_cam.h"
#include "eval/report/images.h"
#include "eval/report/report.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

constexpr std::size_t kMaxAuditBytes = 100'000'000;  // it lists duplicates

// The folder of the run to which a checkpoint belongs (it contains log.jsonl), or an empty path.
fs::path run_folder(const fs::path& checkpoint) {
  std::error_code ignored;
  fs::path folder = fs::weakly_canonical(find_model_file(checkpoint), ignored).parent_path();
  for (int level = 0; level < 3 && !folder.empty(); ++level, folder = folder.parent_path())
    if (fs::is_regular_file(folder / "log.jsonl", ignored)) return folder;
  return {};
}

std::string checkpoint_names(const ReportOptions& options) {
  std::vector<std::string> names;
  for (const fs::path& checkpoint : options.checkpoints) names.push_back(checkpoint.string());
  return join(names);
}

std::string split_name(const SplitOrigin& origin, const std::string& split) {
  const auto& [folds, fold] = origin.folds;
  return folds > 0 ? format(split, ", with fold ", fold, " of ", folds, " as test") : split;
}

Facts list_facts(std::span<const TrainedModel> models, const PreparedImages& data,
                 const TaskResult& result, const EvaluationOptions& options) {
  const ModelInfo& info = models.front().info;
  Facts facts{
      {"Data", format(data.manifest.source.string(), " (", data.manifest.dataset, ")")},
      {"Split", split_name(info.split, options.report.split)},
      {"Model", info.arch},
      {"Checkpoint", checkpoint_names(options.report)},
      {"Input", format(info.image_size, " x ", info.image_size, " px, ", fit_name(info.fit))}};
  if (models.size() > 1) facts[2].second += format(", ", models.size(), " averaged");
  std::ranges::move(result.facts(), std::back_inserter(facts));
  std::ranges::move(
      Facts{{"Mirrored images", options.flip ? "averaged with each image" : "no"},
            {"Precision", options.report.precision},
            {"Bootstrap",
             format(options.bootstrap.draws, " draws of patients, seed ", options.bootstrap.seed)},
            {"Unreadable images", format(data.unreadable.size(), " left out")},
            {"Used for training", result.trained_on ? format(*result.trained_on, " of the images")
                                                    : std::string("unknown")},
            {"Version", format("Osteon ", OSTEON_VERSION)}},
      std::back_inserter(facts));
  return facts;
}

// The facts of the training run, from its config.json.
void add_training(const json& config, Facts& facts) {
  const auto text = [&](const char* key) {
    const auto& value = config.contains(key) ? config[key] : json();
    if (value.is_array()) return join(value.get<std::vector<std::string>>());
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "?" : value.dump();
  };
  facts.emplace_back(
      "Training",
      format(text("data"), "; ", text("epochs"), " epochs, batch size ", text("batch_size"), ", ",
             text("optimizer"), ", learning rate ", text("lr"), " (", text("schedule"), ")",
             text("task") == "regression" ? "" : ", weights of classes " + text("positive_weight"),
             ", seed ", text("seed"), ", ", text("device"), ", ", text("precision")));
}

// Whether `splits` contains the counts of images, studies and patients by split.
bool is_split_counts(const json& splits) {
  const auto is_count = [](const auto& value) { return value.is_number_integer(); };
  return splits.is_object() && std::ranges::all_of(splits, [&](const auto& counts) {
           return counts.is_object() && std::ranges::all_of(counts, is_count);
         });
}

// Adds the configuration of the run to the report. The evaluation does not need it, so a damaged
// configuration does not prevent the report.
void add_run(const fs::path& run, Report& report, Progress& progress) {
  try {
    const json config = read_json(run / "config.json", kMaxConfigBytes);
    OSTEON_CHECK(config.is_object() && is_split_counts(config.value("splits", json())),
                 (run / "config.json").string(), " is not the configuration of a run");
    add_training(config, report.facts);
    report.splits = config["splits"];  // of all three; this evaluation may have read only one
  } catch (const Error& error) {
    progress.warn(format(error.what(), "; the report does not describe the training"));
  }
}

// See TaskResult::trained_on. A model whose file does not list its training images makes the count
// unknown, unless other models were trained on some of these images.
std::optional<std::int64_t> count_trained_on(std::span<const TrainedModel> models,
                                             const PreparedImages& data,
                                             const std::vector<std::int64_t>& indices) {
  std::vector<std::uint64_t> known;
  bool all_know = true;
  for (const auto& [info, model] : models) {
    all_know = all_know && info.trained_on;
    if (info.trained_on)
      known.insert(known.end(), info.trained_on->begin(), info.trained_on->end());
  }
  std::ranges::sort(known);
  const auto count = std::ranges::count_if(indices, [&](std::int64_t index) {
    return std::ranges::binary_search(known, data.digests[static_cast<std::size_t>(index)]);
  });
  return all_know || count > 0 ? std::optional<std::int64_t>(count) : std::nullopt;
}

// A warning if evaluated images were used for training and the split is not `train`; else empty.
std::string training_warning(const TaskResult& result, std::size_t images,
                             const std::string& split) {
  if (result.trained_on.value_or(0) == 0 || split == "train") return "";
  return format(*result.trained_on, " of these ", images,
                " images were used for training: the figures are not those of new images");
}

Report make_report(std::span<const TrainedModel> models, const PreparedImages& data,
                   const std::vector<std::int64_t>& indices, const TaskResult& result,
                   const EvaluationOptions& options, const fs::path& out, Progress& progress) {
  const TrainedModel& first = models.front();
  Report report;
  report.title =
      format(first.info.arch, " on ", name_of(data.manifest), ", ", options.report.split, " split");
  report.warning = training_warning(result, indices.size(), options.report.split);
  report.facts = list_facts(models, data, result, options);
  report.splits = split_counts(data.manifest);
  report.task = result.report(options.bootstrap.seed);
  const fs::path run = run_folder(options.report.checkpoints.front());
  report.robustness = robustness_of(first.info, set_names(data.manifest), result, run, out);
  if (!run.empty()) {
    report.epochs = read_epochs(run / "log.jsonl", report.task.score.key);
    add_run(run, report, progress);
  }
  for (Gallery& gallery : report.task.galleries) {
    world().mark("images of the report", 0);
    draw_images(gallery, first, data, indices);
  }
  report.heat_layer = grad_cam_layer(first.info);
  if (!options.report.audit.empty()) {
    report.audit = read_json(options.report.audit, kMaxAuditBytes);
    OSTEON_CHECK(report.audit.is_object(), options.report.audit.string(),
                 ": is not a JSON file written by audit_data");
  }
  return report;
}

}  // namespace

void check_together(std::span<const TrainedModel> models) {
  const ModelInfo& first = models.front().info;
  for (const auto& [info, model] : models) {
    if (info.image_size != first.image_size || info.fit != first.fit)
      throw UsageError(format("the checkpoints need different images (", first.image_size, " px, ",
                              fit_name(first.fit), "; ", info.image_size, " px, ",
                              fit_name(info.fit),
                              "); only checkpoints with the same size and fit can be averaged"));
    if (info.task != first.task || info.classes != first.classes)
      throw UsageError(format("the checkpoints have different classes: ", join(first.classes),
                              " and ", join(info.classes)));
  }
}

ModelInfo decision_of(std::span<const TrainedModel> models) {
  ModelInfo info = models.front().info;
  for (std::size_t i = 0; i < info.thresholds.size(); ++i) {
    info.thresholds[i] = 0;
    for (const auto& [each, model] : models)
      info.thresholds[i] += each.thresholds[i] / static_cast<double>(models.size());
  }
  return info;
}

ImageValues predict_samples(std::span<const TrainedModel> models, const PreparedImages& data,
                            const std::vector<std::int64_t>& indices,
                            const EvaluationOptions& options, Progress& progress) {
  const std::unique_ptr<Task> task = task_of(models.front().info);
  const std::size_t passes = models.size() * (options.flip ? 2 : 1);
  const Pace pace(static_cast<std::int64_t>(indices.size()));
  ImageValues mean;
  std::size_t pass = 0;
  for (const auto& [info, model] : models)
    for (const bool mirrored : {false, true}) {
      if (mirrored && !options.flip) continue;
      InferenceOptions inference = options.inference;
      inference.mirrored = mirrored;
      ++pass;
      const ImageValues outputs =
          infer_outputs(*model, info, *data.store, indices, inference, [&](std::int64_t done) {
            progress.update(format("evaluating  ", done, "/", indices.size(),
                                   passes > 1 ? format("  pass ", pass, "/", passes) : ""));
          });
      add_share(mean, task->predict(outputs, info), static_cast<double>(passes));
    }
  progress.line(
      format("evaluated ", indices.size(), " images in ", human_duration(pace.seconds())));
  return mean;
}

void set_temperature(TrainedModel& trained, const std::string& temperature,
                     const PreparedImages& data, const std::vector<std::int64_t>& validation,
                     const InferenceOptions& inference) {
  const ImageValues outputs =
      parse_temperature(temperature)
          ? ImageValues{}
          : infer_outputs(*trained.model, trained.info, *data.store, validation, inference);
  task_of(trained.info)
      ->set_temperature(trained.info, temperature, {data.manifest, validation}, outputs);
}

std::unique_ptr<TaskResult> evaluate_models(std::span<const TrainedModel> models,
                                            const ModelInfo& info, const PreparedImages& data,
                                            const std::vector<std::int64_t>& indices,
                                            const EvaluationOptions& options, const fs::path& out,
                                            Progress& progress) {
  OSTEON_CHECK(!indices.empty(), "there are no images to evaluate in this split");
  const std::unique_ptr<Task> task = task_of(info);
  // Read first, so that a wrong folder is an error before the models run.
  std::unique_ptr<TaskResult> other;
  if (!options.compare.empty()) other = task->read_result(options.compare);
  std::error_code error;
  if (world().is_first()) fs::create_directories(out, error);
  OSTEON_CHECK(!error, "cannot create ", out.string(), ": ", error.message());
  const ImageValues predictions = predict_samples(models, data, indices, options, progress);
  if (!world().is_first()) return nullptr;
  std::unique_ptr<TaskResult> result =
      task->evaluate({data.manifest, indices}, predictions, info, options.bootstrap);
  result->trained_on = count_trained_on(models, data, indices);
  if (const std::string warning = training_warning(*result, indices.size(), options.report.split);
      !warning.empty())
    progress.warn(warning);
  result->write(out);
  if (other) result->compare(*other, options.compare.string(), out);
  write_file_atomically(out / "report.html", report_html(make_report(models, data, indices, *result,
                                                                     options, out, progress)));
  return result;
}

}  // namespace osteon
