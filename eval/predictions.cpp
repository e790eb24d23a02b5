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

Cohort make_cohort(const EvaluationGroup& group, const std::vector<Prediction>& images,
                   const std::vector<Study>& studies) {
  Cohort cohort{.patients = group.patients,
                .image = {{}, group.image_patients},
                .study = {{}, group.study_patients}};
  for (const std::size_t i : group.images)
    cohort.image.outcomes.push_back({images[i].label, images[i].probability});
  for (const std::size_t i : group.studies)
    cohort.study.outcomes.push_back({studies[i].label, studies[i].probability});
  return cohort;
}

Metrics level_metrics(const CohortLevel& level, std::size_t patients, const std::string& name,
                      double threshold, const BootstrapOptions& bootstrap) {
  const RankedOutcomes ranked(level.outcomes, level.patients, threshold);
  Metrics metrics = ranked.metrics(std::vector<std::int64_t>(patients, 1));
  metrics.ci95 = bootstrap_intervals(kFigureCount, patients, name, bootstrap, [&](auto counts) {
    return figure_values(ranked.metrics(counts));
  });
  metrics.ci95[figure_index(&Metrics::ece)].reset();  // see bootstrap.h
  return metrics;
}

ImageAndStudyMetrics both_metrics(const Cohort& cohort, const std::string& name, double threshold,
                                  const BootstrapOptions& bootstrap) {
  return {level_metrics(cohort.image, cohort.patients, name, threshold, bootstrap),
          level_metrics(cohort.study, cohort.patients, name, threshold, bootstrap)};
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

Cohorts make_cohorts(const std::vector<Prediction>& predictions) {
  const ImageOrigins images = origins_of(predictions);
  const std::vector<StudyImages> grouped = group_studies(images);
  const std::vector<Study> studies = studies_of(predictions, images, grouped);
  const EvaluationGroups groups = group_patients(grouped, images);
  Cohorts cohorts{make_cohort(groups.overall, predictions, studies), {}};
  for (const auto& [part, group] : groups.parts)
    cohorts.parts.emplace(part, make_cohort(group, predictions, studies));
  return cohorts;
}

Evaluation evaluate(const std::vector<Prediction>& predictions, double threshold,
                    const BootstrapOptions& bootstrap) {
  const Cohorts cohorts = make_cohorts(predictions);
  Evaluation evaluation{threshold, both_metrics(cohorts.overall, "", threshold, bootstrap), {}};
  for (const auto& [part, cohort] : cohorts.parts)
    evaluation.parts.emplace(part, both_metrics(cohort, part, threshold, bootstrap));
  return evaluation;
}

}  // namespace osteon
