// Evaluating models and keeping the result.
#include "train/evaluation.h"

#include <algorithm>

#include "data/text.h"
#include "train/options.h"
#include "train/results.h"

namespace osteon {

void check_together(std::span<const TrainedModel> models, const std::vector<std::string>& classes) {
  const ModelInfo& first = models.front().info;
  for (const auto& [info, model] : models) {
    if (info.image_size != first.image_size || info.fit != first.fit)
      throw UsageError(format("the checkpoints take images of ", first.image_size, " px (",
                              fit_name(first.fit), ") and of ", info.image_size, " px (",
                              fit_name(info.fit), "); only alike ones can be averaged"));
    if (info.classes != first.classes)
      throw UsageError(format("the checkpoints tell different classes apart: ", join(first.classes),
                              " and ", join(info.classes)));
    if (info.classes[0] == classes[1] || info.classes[1] == classes[0])
      throw UsageError(format("the model was trained for the classes ", join(info.classes),
                              " (negative, positive) but the data's are ", join(classes),
                              "; choose --positive ", info.classes[1]));
  }
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
  return result;
}

}  // namespace osteon
