// Pairs the predictions of two evaluations by the names of their images.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "eval/study_groups.h"

namespace osteon {

// Replaces the paths by names that do not depend on how a path is spelled (data/image_names.h); an
// image that is its own study or patient keeps being so.
void name_images(const std::vector<ImageOrigin*>& images);

// The images with these names instead of paths, sorted by them.
template <class Image>
std::vector<Image> sorted_by_name(std::vector<Image> images) {
  std::vector<ImageOrigin*> origins;
  for (ImageOrigin& image : images) origins.push_back(&image);
  name_images(origins);
  std::ranges::sort(images, {}, &ImageOrigin::path);
  return images;
}

void check_others(const ImageOrigins& images, const ImageOrigins& others,
                  const std::string& folder);

// The images of one evaluation, sorted by name, and their labels.
struct LabelledImages {
  ImageOrigins images;
  std::function<std::string(std::size_t image)> label_of;
};

// Adds the images of another evaluation. Throws Error naming an image that both have, and `folder`,
// that of the added one.
template <class Image>
void add_others(std::vector<Image>& images, std::vector<Image> others, const std::string& folder) {
  check_others(origins_of(images), origins_of(others), folder);
  std::ranges::move(others, std::back_inserter(images));
}

// Throws Error naming an image that is in only one of the two, or whose label, study, patient or
// part differ. `other` is the name of the second evaluation.
void check_same_images(const LabelledImages& first, const LabelledImages& second,
                       const std::string& other);

}  // namespace osteon
