// Averages the predictions of studies and computes the figures of all groups.
#include "eval/class_predictions.h"

#include "base/error.h"

namespace osteon {
namespace {

// The studies of the images in these groups.
std::vector<ClassStudy> studies_of(const std::vector<ClassPrediction>& predictions,
                                   const std::vector<std::string>& classes,
                                   const ImageOrigins& images,
                                   const std::vector<StudyImages>& groups) {
  for (const ClassPrediction& image : predictions)
    for (const double probability : image.probabilities)
      OSTEON_CHECK(probability >= 0 && probability <= 1, image.path, ": probability ", probability,
                   " is not from 0 to 1; did training diverge, or is the checkpoint damaged?");
  check_study_labels(groups, images, [&](std::size_t i) { return classes[predictions[i].label]; });
  std::vector<ClassStudy> studies;
  studies.reserve(groups.size());
  for (const StudyImages& group : groups) {
    ClassStudy study{group.study,
                     group.patient,
                     group.part,
                     predictions[group.images.front()].label,
                     std::vector<double>(classes.size()),
                     static_cast<std::int64_t>(group.images.size())};
    for (std::size_t k = 0; k < classes.size(); ++k) {
      for (const std::size_t i : group.images)
        study.probabilities[k] += predictions[i].probabilities[k];
      study.probabilities[k] /= static_cast<double>(study.views);
    }
    studies.push_back(std::move(study));
  }
  return studies;
}

}  // namespace

std::vector<ClassStudy> aggregate_class_studies(const std::vector<ClassPrediction>& predictions,
                                                const std::vector<std::string>& classes) {
  const ImageOrigins images = origins_of(predictions);
  return studies_of(predictions, classes, images, group_studies(images));
}

ClassEvaluation evaluate_classes(const std::vector<ClassPrediction>& predictions,
                                 const std::vector<std::string>& classes,
                                 const BootstrapOptions& bootstrap,
                                 std::span<const std::string> sets) {
  const ImageOrigins images = origins_of(predictions);
  const std::vector<StudyImages> grouped = group_studies(images);
  const std::vector<ClassStudy> studies = studies_of(predictions, classes, images, grouped);
  const auto metrics_of = [&](const auto& items) {
    return [&](const GroupItems& group) {
      return class_metrics(class_outcomes(items, group.positions, classes.size()), group.patient_of,
                           group.patients, group.name, bootstrap);
    };
  };
  return evaluate_groups<ClassMetrics>(group_patients(grouped, images, sets),
                                       metrics_of(predictions), metrics_of(studies));
}

}  // namespace osteon
