// Grouping of predictions into studies and body parts.
#include "train/predictions.h"

#include <tuple>
#include <utility>

#include "tensor/error.h"

namespace osteon {
namespace {

void check(const Prediction& image) {
  OSTEON_CHECK(image.label == 0 || image.label == 1, image.path, ": label ", image.label,
               " is neither 0 nor 1");
  OSTEON_CHECK(image.probability >= 0 && image.probability <= 1, image.path, ": probability ",
               image.probability,
               " is not from 0 to 1; did training diverge, or is the checkpoint damaged?");
  OSTEON_CHECK(!image.study.empty(), image.path,
               ": belongs to no study; an image that stands alone is a study under its own path");
}

using Outcomes = std::vector<Outcome>;

struct ImageAndStudyOutcomes {
  Outcomes image, study;
};

ImageAndStudyMetrics compute_both(const ImageAndStudyOutcomes& outcomes, double threshold) {
  return {compute_metrics(outcomes.image, threshold), compute_metrics(outcomes.study, threshold)};
}

// Files every item's outcome overall and under its part, on the level told.
template <class Item>
void file_outcomes(const std::vector<Item>& items, Outcomes ImageAndStudyOutcomes::*level,
                   ImageAndStudyOutcomes& overall,
                   std::map<std::string, ImageAndStudyOutcomes>& parts) {
  for (const Item& item : items) {
    const Outcome outcome{item.label, item.probability};
    (overall.*level).push_back(outcome);
    if (!item.part.empty()) (parts[item.part].*level).push_back(outcome);
  }
}

}  // namespace

std::vector<Study> aggregate_studies(const std::vector<Prediction>& predictions) {
  struct Group {
    Study study;
    const Prediction* first;
  };
  std::map<std::tuple<std::string, std::string, std::string>, Group> groups;
  for (const Prediction& image : predictions) {
    check(image);
    auto& [study, first] =
        groups
            .try_emplace({image.study, image.patient, image.part},
                         Group{{image.study, image.patient, image.part, image.label}, &image})
            .first->second;
    OSTEON_CHECK(image.label == study.label, "study ", study.study, ": ", first->path,
                 " has label ", first->label, " but ", image.path, " has label ", image.label,
                 "; all images of a study share one label");
    study.probability += image.probability;
    ++study.views;
  }
  std::vector<Study> studies;
  studies.reserve(groups.size());
  for (auto& [key, group] : groups) {
    group.study.probability /= static_cast<double>(group.study.views);
    studies.push_back(std::move(group.study));
  }
  return studies;
}

Evaluation evaluate(const std::vector<Prediction>& predictions, double threshold) {
  ImageAndStudyOutcomes overall;
  std::map<std::string, ImageAndStudyOutcomes> parts;
  file_outcomes(predictions, &ImageAndStudyOutcomes::image, overall, parts);
  file_outcomes(aggregate_studies(predictions), &ImageAndStudyOutcomes::study, overall, parts);
  Evaluation evaluation{threshold, compute_both(overall, threshold), {}};
  for (const auto& [part, outcomes] : parts)
    evaluation.parts.emplace(part, compute_both(outcomes, threshold));
  return evaluation;
}

}  // namespace osteon
