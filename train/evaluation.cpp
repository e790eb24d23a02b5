// Evaluating a model and keeping the result.
#include "train/evaluation.h"

#include "train/results.h"

namespace osteon {

Evaluation evaluate_model(const TrainedModel& trained, const PreparedImages& data,
                          const std::vector<std::int64_t>& indices,
                          const InferenceOptions& inference, const std::filesystem::path& out,
                          Progress& progress) {
  OSTEON_CHECK(!indices.empty(), "there are no images to evaluate in this split");
  std::error_code error;
  std::filesystem::create_directories(out, error);
  OSTEON_CHECK(!error, "cannot create ", out.string(), ": ", error.message());
  Pace pace(static_cast<std::int64_t>(indices.size()));
  const std::vector<double> logits = infer_logits(
      *trained.model, trained.info, *data.store, indices, inference, [&](std::int64_t done) {
        progress.update(format("evaluating  ", done, "/", indices.size()));
      });
  progress.line(
      format("evaluated ", indices.size(), " images in ", human_duration(pace.seconds())));
  const std::vector<Prediction> predictions = to_predictions(data.manifest, indices, logits);
  Evaluation evaluation = evaluate(predictions, trained.info.threshold);
  write_predictions_csv(out / "predictions.csv", predictions);
  write_studies_csv(out / "studies.csv", aggregate_studies(predictions));
  write_metrics_json(out / "metrics.json", evaluation);
  return evaluation;
}

}  // namespace osteon
