// The groups in which predictions are evaluated: the images of a study, of a patient and of a body
// part. All tasks use them.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace osteon {

// Where an image comes from. Names are the manifest's; `part` is empty if unknown.
struct ImageOrigin {
  std::string path, study, patient, part;
};
using ImageOrigins = std::vector<const ImageOrigin*>;

template <class Images>
ImageOrigins origins_of(const Images& images) {
  ImageOrigins origins;
  for (const ImageOrigin& image : images) origins.push_back(&image);
  return origins;
}

// One examination of one body part of one patient: the images whose study, patient and part agree.
struct StudyImages {
  std::string study, patient, part;
  std::vector<std::size_t> images;  // in their order
};

// The studies of the images, sorted by study, patient and part. Throws Error naming an image
// without a study.
std::vector<StudyImages> group_studies(const ImageOrigins& images);

// Throws Error naming a study and two of its images if their labels differ.
void check_study_labels(const std::vector<StudyImages>& studies, const ImageOrigins& images,
                        const std::function<std::string(std::size_t image)>& label_of);

// A set with figures of its own: all images, or those of one body part or one data set.
struct EvaluationGroup {
  std::size_t patients = 0;
  std::vector<std::size_t> images, image_patients;   // their positions, and the patient of each
  std::vector<std::size_t> studies, study_patients;  // the same in group_studies()
};

struct EvaluationGroups {
  EvaluationGroup overall;
  std::map<std::string, EvaluationGroup> parts;   // images without a part are only in `overall`
  std::map<std::string, EvaluationGroup> sets{};  // of joined data sets
};

// Patients are numbered in the order of their names, so that the order of the images does not
// matter. `sets` are Manifest::sets; a
// single one is no group. If images have no patient, each study counts as a patient of
// its own.
EvaluationGroups group_patients(const std::vector<StudyImages>& studies, const ImageOrigins& images,
                                std::span<const std::string> sets = {});

}  // namespace osteon
