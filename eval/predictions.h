// Computes the probabilities of studies from those of images, and the figures of both, overall and
// for each body part. eval_mura uses this.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "eval/bootstrap.h"
#include "eval/evaluated_groups.h"
#include "eval/metrics.h"

namespace osteon {

// The model's prediction for one image.
struct Prediction : ImageOrigin {
  int label = 0;           // 1 = positive (abnormal), 0 = negative
  double probability = 0;  // of the positive class, 0 to 1
};

// One examination of one body part of one patient: the images whose study, patient and part agree.
struct Study {
  std::string study, patient, part;
  int label = 0;
  double probability = 0;  // mean over the images
  std::int64_t views = 0;  // number of images
};

// The studies of `predictions`, sorted by study, patient and part. The probability of a study is
// the mean of those of its images, as in Rajpurkar et al., "MURA", MIDL 2018. Throws Error for a
// label other than 0 and 1, a probability that is not a number from 0 to 1, or an empty study,
// naming the image; and for different labels in one study, naming the study and two of its images.
std::vector<Study> aggregate_studies(const std::vector<Prediction>& predictions);

// The labels and probabilities of the items (predictions or studies) at these positions.
std::vector<Outcome> outcomes_of(const auto& items, const std::vector<std::size_t>& positions) {
  std::vector<Outcome> outcomes;
  for (const std::size_t i : positions) outcomes.push_back({items[i].label, items[i].probability});
  return outcomes;
}
// Those of all items.
std::vector<Outcome> outcomes_of(const auto& items) {
  std::vector<Outcome> outcomes;
  for (const auto& item : items) outcomes.push_back({item.label, item.probability});
  return outcomes;
}

struct Evaluation : EvaluatedGroups<Metrics> {
  double threshold = 0;
};

// The figures of `predictions` at one threshold, with intervals if bootstrap.draws > 0; `sets` are
// Manifest::sets. Throws as aggregate_studies and compute_metrics do.
Evaluation evaluate(const std::vector<Prediction>& predictions, double threshold,
                    const BootstrapOptions& bootstrap = {}, std::span<const std::string> sets = {});

}  // namespace osteon
