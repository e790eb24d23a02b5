// Predictions of several classes: the probabilities of studies from those of images, and the
// figures of both, overall and for each body part.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/class_metrics.h"
#include "eval/evaluated_groups.h"

namespace osteon {

// The model's prediction for one image.
struct ClassPrediction : ImageOrigin {
  std::size_t label = 0;
  std::vector<double> probabilities;  // one per class
};

// See StudyImages.
struct ClassStudy {
  std::string study, patient, part;
  std::size_t label = 0;
  std::vector<double> probabilities;  // means over the images
  std::int64_t views = 0;             // number of images
};

// The studies of the predictions, sorted by study, patient and part. Throws Error naming the image
// for a probability that is not a number from 0 to 1, and naming the study for different labels in
// it; `classes` are the names of the labels.
std::vector<ClassStudy> aggregate_class_studies(const std::vector<ClassPrediction>& predictions,
                                                const std::vector<std::string>& classes);

using ClassEvaluation = EvaluatedGroups<ClassMetrics>;

// The outcomes of all images, and of all studies, of a group.
template <class Item>
ClassOutcomes class_outcomes(const std::vector<Item>& items,
                             const std::vector<std::size_t>& positions, std::size_t classes) {
  ClassOutcomes outcomes{classes, {}, {}};
  for (const std::size_t i : positions) {
    outcomes.labels.push_back(items[i].label);
    outcomes.probabilities.insert(outcomes.probabilities.end(), items[i].probabilities.begin(),
                                  items[i].probabilities.end());
  }
  return outcomes;
}

// The figures of the predictions, with intervals if bootstrap.draws > 0; `sets` are Manifest::sets.
// Throws as
// aggregate_class_studies does.
ClassEvaluation evaluate_classes(const std::vector<ClassPrediction>& predictions,
                                 const std::vector<std::string>& classes,
                                 const BootstrapOptions& bootstrap = {},
                                 std::span<const std::string> sets = {});

}  // namespace osteon
