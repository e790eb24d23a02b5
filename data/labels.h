// From the texts of labels, as readers list them, to the labels of a task: classes, grades, several
// labels per image, or numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "data/manifest.h"
#include "data/readers/readers.h"

namespace osteon {

// The members of Sample of the same names.
struct ImageLabel {
  std::int64_t label = 0;
  std::vector<std::int8_t> labels{};
  double value = 0;
};

// Decides on the task, sets manifest.task and manifest.classes, and returns the label of each
// record. Throws as read_manifest does.
std::vector<ImageLabel> read_labels(const ImageListing& listing, const ManifestOptions& options,
                                    Manifest& manifest);

}  // namespace osteon
