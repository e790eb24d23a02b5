// Groups images by their names.
#include "eval/study_groups.h"

#include <tuple>
#include <utility>

#include "base/error.h"
#include "data/manifest.h"

namespace osteon {
namespace {

template <class Item>
std::string patient_name(const Item& item) {
  return item.patient.empty() ? "study " + item.study : "patient " + item.patient;
}

// The positions of all items, or of those of one part.
struct Positions {
  std::vector<std::size_t> images, studies;
};

EvaluationGroup group_of(const Positions& positions, const ImageOrigins& images,
                         const std::vector<StudyImages>& studies) {
  std::map<std::string, std::size_t> numbers;
  for (const std::size_t i : positions.images) numbers.emplace(patient_name(*images[i]), 0);
  EvaluationGroup group;
  group.images = positions.images;
  group.studies = positions.studies;
  for (auto& [name, number] : numbers) number = group.patients++;
  for (const std::size_t i : positions.images)
    group.image_patients.push_back(numbers.at(patient_name(*images[i])));
  for (const std::size_t i : positions.studies)
    group.study_patients.push_back(numbers.at(patient_name(studies[i])));
  return group;
}

}  // namespace

std::vector<StudyImages> group_studies(const ImageOrigins& images) {
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const ImageOrigin& image = *images[i];
    OSTEON_CHECK(!image.study.empty(), image.path,
                 ": has no study; use the image's own path as the study of a single image");
    groups[{image.study, image.patient, image.part}].push_back(i);
  }
  std::vector<StudyImages> studies;
  studies.reserve(groups.size());
  for (auto& [names, members] : groups) {
    const auto& [study, patient, part] = names;
    studies.push_back({study, patient, part, std::move(members)});
  }
  return studies;
}

void check_study_labels(const std::vector<StudyImages>& studies, const ImageOrigins& images,
                        const std::function<std::string(std::size_t image)>& label_of) {
  for (const StudyImages& study : studies) {
    const std::size_t first = study.images.front();
    const std::string label = label_of(first);
    for (const std::size_t image : study.images)
      OSTEON_CHECK(label_of(image) == label, "study ", study.study, ": ", images[first]->path,
                   " has label ", label, " but ", images[image]->path, " has label ",
                   label_of(image), "; all images of a study share one label");
  }
}

EvaluationGroups group_patients(const std::vector<StudyImages>& studies, const ImageOrigins& images,
                                std::span<const std::string> sets) {
  Positions all;
  std::map<std::string, Positions> parts, of_sets;
  // Calls `add` for each group of an image or a study.
  const auto each_group = [&](const auto& item, const auto& add) {
    add(all);
    if (!item.part.empty()) add(parts[item.part]);
    if (sets.size() < 2) return;
    for (const std::string& set : sets)
      if (is_of_set(item.patient, set)) add(of_sets[set]);
  };
  for (std::size_t i = 0; i < images.size(); ++i)
    each_group(*images[i], [&](Positions& group) { group.images.push_back(i); });
  for (std::size_t i = 0; i < studies.size(); ++i)
    each_group(studies[i], [&](Positions& group) { group.studies.push_back(i); });
  EvaluationGroups groups{group_of(all, images, studies), {}, {}};
  for (const auto& [part, positions] : parts)
    groups.parts.emplace(part, group_of(positions, images, studies));
  for (const auto& [set, positions] : of_sets)
    groups.sets.emplace(set, group_of(positions, images, studies));
  return groups;
}

}  // namespace osteon
