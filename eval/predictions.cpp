// Averages the predictions of studies and computes the figures of all groups.
#include "eval/predictions.h"

#include <utility>

#include "base/error.h"

namespace osteon {
namespace {

void check(const Prediction& image) {
  OSTEON_CHECK(image.label == 0 || image.label == 1, image.path, ": label ", image.label,
               " is neither 0 nor 1");
  OSTEON_CHECK(image.probability >= 0 && image.probability <= 1, image.path, ": probability ",
               image.probability,
               " is not from 0 to 1; did training diverge, or is the checkpoint damaged?");
}

Metrics group_metrics(const std::vector<Outcome>& outcomes, const GroupItems& group,
                      double threshold, const BootstrapOptions& bootstrap) {
  const RankedOutcomes ranked(outcomes, group.patient_of, threshold);
  Metrics metrics = ranked.metrics(std::vector<std::int64_t>(group.patients, 1));
  metrics.ci95 =
      bootstrap_intervals(kFigureCount, group.patients, group.name, bootstrap,
                          [&](auto counts) { return figure_values(ranked.metrics(counts)); });
  metrics.ci95[figure_index(&Metrics::ece)].reset();  // see bootstrap.h
  return metrics;
}

// The studies of the images in these groups.
std::vector<Study> studies_of(const std::vector<Prediction>& predictions,
                              const ImageOrigins& images, const std::vector<StudyImages>& groups) {
  for (const Prediction& image : predictions) check(image);
  check_study_labels(groups, images,
                     [&](std::size_t i) { return std::to_string(predictions[i].label); });
  std::vector<Study> studies;
  studies.reserve(groups.size());
  for (const StudyImages& group : groups) {
    Study study{group.study, group.patient, group.part, predictions[group.images.front()].label};
    for (const std::size_t i : group.images) study.probability += predictions[i].probability;
    study.views = static_cast<std::int64_t>(group.images.size());
    study.probability /= static_cast<double>(study.views);
    studies.push_back(std::move(study));
  }
  return studies;
}

}  // namespace

std::vector<Study> aggregate_studies(const std::vector<Prediction>& predictions) {
  const ImageOrigins images = origins_of(predictions);
  return studies_of(predictions, images, group_studies(images));
}

Evaluation evaluate(const std::vector<Prediction>& predictions, double threshold,
                    const BootstrapOptions& bootstrap, std::span<const std::string> sets) {
  const ImageOrigins images = origins_of(predictions);
  const std::vector<StudyImages> grouped = group_studies(images);
  const std::vector<Study> studies = studies_of(predictions, images, grouped);
  const auto metrics_of = [&](const auto& items) {
    return [&](const GroupItems& group) {
      return group_metrics(outcomes_of(items, group.positions), group, threshold, bootstrap);
    };
  };
  return {evaluate_groups<Metrics>(group_patients(grouped, images, sets), metrics_of(predictions),
                                   metrics_of(studies)),
          threshold};
}

}  // namespace osteon
