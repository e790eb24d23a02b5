// The figures of images and of studies, overall and for each body part: what all tasks share.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "eval/study_groups.h"

namespace osteon {

// `Metrics` are the figures of a set of images or studies.
template <class Metrics>
struct ImageAndStudy {
  Metrics image, study;
};

template <class Metrics>
struct EvaluatedGroups {
  ImageAndStudy<Metrics> overall;
  std::map<std::string, ImageAndStudy<Metrics>> parts;
  std::map<std::string, ImageAndStudy<Metrics>> sets{};  // of joined data sets
};

// A set of images or of studies in a group: their positions, and the number of each one's patient.
struct GroupItems {
  const std::vector<std::size_t>&positions, &patient_of;
  std::size_t patients;     // in the group
  const std::string& name;  // of the body part or data set; empty: all
};

// Calls of_images and of_studies, which return Metrics, with the items of each group.
template <class Metrics>
EvaluatedGroups<Metrics> evaluate_groups(const EvaluationGroups& groups, const auto& of_images,
                                         const auto& of_studies) {
  const auto evaluate = [&](const EvaluationGroup& group,
                            const std::string& name) -> ImageAndStudy<Metrics> {
    return {of_images(GroupItems{group.images, group.image_patients, group.patients, name}),
            of_studies(GroupItems{group.studies, group.study_patients, group.patients, name})};
  };
  EvaluatedGroups<Metrics> evaluated{evaluate(groups.overall, ""), {}, {}};
  for (const auto& [part, group] : groups.parts)
    evaluated.parts.emplace(part, evaluate(group, part));
  for (const auto& [set, group] : groups.sets) evaluated.sets.emplace(set, evaluate(group, set));
  return evaluated;
}

}  // namespace osteon
