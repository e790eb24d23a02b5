// Evaluating models and keeping the result.
#include "eval/evaluation.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "data/prepare.h"
#include "eval/grad_cam.h"
#include "eval/report/images.h"
#include "eval/report/report.h"
#include "eval/results.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

constexpr std::size_t kShownMistakes = 6, kShownHits = 6;
constexpr std::size_t kLargestAudit = 100'000'000;  // bytes; it lists duplicates

// The folder of the run that a checkpoint belongs to (it holds log.jsonl), or an empty path.
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

using Facts = std::vector<std::pair<std::string, std::string>>;

Facts list_facts(std::span<const TrainedModel> models, const PreparedImages& data,
                 const EvaluationResult& result, const EvaluationOptions& options) {
  const ModelInfo& info = models.front().info;
  Facts facts{
      {"Data", format(data.manifest.root.string(), " (", data.manifest.dataset, ")")},
      {"Split", options.report.split},
      {"Model", info.arch},
      {"Checkpoint", checkpoint_names(options.report)},
      {"Input", format(info.image_size, " x ", info.image_size, " px, ", fit_name(info.fit))},
      {"Classes", format(info.classes[0], " (negative), ", info.classes[1], " (positive)")},
      {"Threshold", rounded(result.evaluation.threshold, 4)},
      {"Temperature", rounded(info.temperature, 4)},
      {"Mirrored images", options.flip ? "averaged with each image" : "no"},
      {"Precision", options.report.precision},
      {"Bootstrap",
       format(options.bootstrap.draws, " draws of patients, seed ", options.bootstrap.seed)},
      {"Unreadable images", format(data.unreadable.size(), " left out")},
      {"Version", format("Osteon ", OSTEON_VERSION)}};
  if (models.size() > 1) facts[2].second += format(", ", models.size(), " averaged");
  return facts;
}

// What config.json of the training run says of itself.
void add_training(const json& config, Facts& facts) {
  const auto text = [&](const char* key) {
    const auto& value = config.contains(key) ? config[key] : json();
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "?" : value.dump();
  };
  facts.emplace_back(
      "Training",
      format(text("data"), "; ", text("epochs"), " epochs, batch size ", text("batch_size"), ", ",
             text("optimizer"), ", learning rate ", text("lr"), " (", text("schedule"),
             "), weight of positives ", text("positive_weight"), ", seed ", text("seed"), ", ",
             text("device"), ", ", text("precision")));
}

// By split, how many images and so on.
bool is_split_counts(const json& splits) {
  const auto is_count = [](const auto& value) { return value.is_number_integer(); };
  return splits.is_object() && std::ranges::all_of(splits, [&](const auto& counts) {
           return counts.is_object() && std::ranges::all_of(counts, is_count);
         });
}

// What the run's own configuration adds. The evaluation does not need it, so one that is damaged is
// no reason to lose the report.
void add_run(const fs::path& run, Report& report, Progress& progress) {
  try {
    const json config = read_json(run / "config.json", kLargestConfig);
    OSTEON_CHECK(config.is_object() && is_split_counts(config.value("splits", json())),
                 (run / "config.json").string(), " is not the configuration of a run");
    add_training(config, report.facts);
    report.splits = config["splits"];  // of all three, where this evaluation may have read one
  } catch (const Error& error) {
    progress.warn(format(error.what(), "; the report says nothing of the training"));
  }
}

Report make_report(std::span<const TrainedModel> models, const PreparedImages& data,
                   const std::vector<std::int64_t>& indices,
                   const std::vector<Prediction>& predictions, const EvaluationResult& result,
                   const EvaluationOptions& options, Progress& progress) {
  const TrainedModel& first = models.front();
  const double threshold = result.evaluation.threshold;
  Report report;
  report.title = format(first.info.arch, " on ", data.manifest.root.filename().string(), ", ",
                        options.report.split, " split");
  report.facts = list_facts(models, data, result, options);
  report.classes = first.info.classes;
  report.splits = split_counts(data.manifest);
  if (const fs::path run = run_folder(options.report.checkpoints.front()); !run.empty()) {
    report.epochs = read_epochs(run / "log.jsonl");
    add_run(run, report, progress);
  }
  report.predictions = predictions;
  report.evaluation = result.evaluation;
  report.draws = options.bootstrap.draws;
  const auto draw = [&](const std::vector<std::size_t>& chosen) {
    return draw_report_images(first, data, predictions, indices, chosen);
  };
  report.mistakes = draw(worst_mistakes(predictions, threshold, kShownMistakes));
  report.hits = draw(sample_hits(predictions, threshold, kShownHits, options.bootstrap.seed));
  report.heat_layer = grad_cam_layer(first.info);
  report.comparison = result.comparison;
  if (!options.report.audit.empty()) {
    report.audit = read_json(options.report.audit, kLargestAudit);
    OSTEON_CHECK(report.audit.is_object(), options.report.audit.string(),
                 ": is not JSON of audit_data");
  }
  return report;
}

}  // namespace

void check_together(std::span<const TrainedModel> models) {
  const ModelInfo& first = models.front().info;
  for (const auto& [info, model] : models) {
    if (info.image_size != first.image_size || info.fit != first.fit)
      throw UsageError(format("the checkpoints take images of ", first.image_size, " px (",
                              fit_name(first.fit), ") and of ", info.image_size, " px (",
                              fit_name(info.fit), "); only alike ones can be averaged"));
    if (info.classes != first.classes)
      throw UsageError(format("the checkpoints tell different classes apart: ", join(first.classes),
                              " and ", join(info.classes)));
  }
}

void check_classes(const ModelInfo& model, const std::vector<std::string>& classes,
                   bool positive_is_told) {
  if (model.classes == classes) return;
  const bool exchanged = model.classes[0] == classes[1] || model.classes[1] == classes[0];
  if (positive_is_told && !exchanged) return;
  throw UsageError(format("the model was trained for the classes ", join(model.classes),
                          " (negative, positive) but the data's are ", join(classes),
                          exchanged ? "; choose" : "; if they mean the same, say so with",
                          " --positive ", exchanged ? model.classes[1] : classes[1]));
}

std::vector<Prediction> predict_samples(std::span<const TrainedModel> models,
                                        const PreparedImages& data,
                                        const std::vector<std::int64_t>& indices,
                                        const EvaluationOptions& options, Progress& progress) {
  const std::size_t passes = models.size() * (options.flip ? 2 : 1);
  const Pace pace(static_cast<std::int64_t>(indices.size()));
  std::vector<double> mean(indices.size(), 0);
  std::size_t pass = 0;
  for (const auto& [info, model] : models)
    for (const bool mirrored : {false, true}) {
      if (mirrored && !options.flip) continue;
      InferenceOptions inference = options.inference;
      inference.mirrored = mirrored;
      ++pass;
      const std::vector<double> logits =
          infer_logits(*model, info, *data.store, indices, inference, [&](std::int64_t done) {
            progress.update(format("evaluating  ", done, "/", indices.size(),
                                   passes > 1 ? format("  pass ", pass, "/", passes) : ""));
          });
      const std::vector<double> probabilities = to_probabilities(logits, info.temperature);
      for (std::size_t i = 0; i < mean.size(); ++i)
        mean[i] += probabilities[i] / static_cast<double>(passes);
    }
  // Rounding may carry a mean of ones past 1.
  for (double& probability : mean) probability = std::min(probability, 1.0);
  progress.line(
      format("evaluated ", indices.size(), " images in ", human_duration(pace.seconds())));
  return to_predictions(data.manifest, indices, mean);
}

void fit_temperature(TrainedModel& trained, const PreparedImages& data,
                     const std::vector<std::int64_t>& validation,
                     const InferenceOptions& inference) {
  const std::vector<double> logits =
      infer_logits(*trained.model, trained.info, *data.store, validation, inference);
  trained.info.temperature = fit_temperature(logits, labels_of(data.manifest, validation));
}

double threshold_of(std::span<const TrainedModel> models, const std::string& option) {
  if (option != "checkpoint") {
    const std::optional<double> number = parse_threshold(option);
    if (!number)
      throw UsageError("--threshold " + option + ": there is no validation to choose on");
    return *number;
  }
  double sum = 0;
  for (const auto& [info, model] : models) sum += info.threshold;
  return sum / static_cast<double>(models.size());
}

double choose_threshold(const std::vector<Prediction>& validation, ThresholdRule rule) {
  return choose_threshold(make_cohorts(validation).overall.study.outcomes, rule);
}

EvaluationResult evaluate_models(std::span<const TrainedModel> models, double threshold,
                                 const PreparedImages& data,
                                 const std::vector<std::int64_t>& indices,
                                 const EvaluationOptions& options, const std::filesystem::path& out,
                                 Progress& progress) {
  OSTEON_CHECK(!indices.empty(), "there are no images to evaluate in this split");
  std::optional<Decisions> other;  // read first: a wrong folder is told before the work
  if (!options.compare.empty()) other = read_decisions(options.compare);
  std::error_code error;
  std::filesystem::create_directories(out, error);
  OSTEON_CHECK(!error, "cannot create ", out.string(), ": ", error.message());
  const std::vector<Prediction> predictions =
      predict_samples(models, data, indices, options, progress);
  EvaluationResult result{evaluate(predictions, threshold, options.bootstrap), std::nullopt};
  write_predictions_csv(out / "predictions.csv", predictions);
  write_studies_csv(out / "studies.csv", aggregate_studies(predictions));
  write_metrics_json(out / "metrics.json", result.evaluation);
  if (other) {
    result.comparison =
        compare({predictions, threshold}, *other, options.compare.string(), options.bootstrap);
    write_comparison_json(out / "comparison.json", *result.comparison);
  }
  write_file_atomically(
      out / "report.html",
      report_html(make_report(models, data, indices, predictions, result, options, progress)));
  return result;
}

}  // namespace osteon
