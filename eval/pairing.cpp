// Names images and compares lists of them.
#include "eval/pairing.h"

#include <filesystem>
#include <set>

#include "base/error.h"
#include "data/image_names.h"

namespace osteon {

void name_images(const std::vector<ImageOrigin*>& images) {
  std::vector<std::filesystem::path> paths;
  for (const ImageOrigin* image : images) paths.emplace_back(image->path);
  const std::vector<std::string> names = image_names(paths);
  for (std::size_t i = 0; i < names.size(); ++i) {
    ImageOrigin& image = *images[i];
    if (image.study == image.path) image.study = names[i];
    if (image.patient == image.path) image.patient = names[i];
    image.path = names[i];
  }
}

void check_others(const ImageOrigins& images, const ImageOrigins& others,
                  const std::string& folder) {
  std::set<std::string> paths;
  for (const ImageOrigin* image : images) paths.insert(image->path);
  for (const ImageOrigin* image : others)
    OSTEON_CHECK(!paths.contains(image->path), folder, ": ", image->path,
                 " was evaluated by another of these runs, too; give one run for each fold");
}

void check_same_images(const LabelledImages& first, const LabelledImages& second,
                       const std::string& other) {
  const std::size_t firsts = first.images.size(), seconds = second.images.size();
  for (std::size_t i = 0; i < std::max(firsts, seconds); ++i) {
    const bool only_first =
        i == seconds || (i < firsts && first.images[i]->path < second.images[i]->path);
    OSTEON_CHECK(!only_first, other, ": has no prediction for ", first.images[i]->path,
                 "; evaluate both models on the same images");
    OSTEON_CHECK(i < firsts && first.images[i]->path == second.images[i]->path, other,
                 ": has a prediction for ", second.images[i]->path,
                 ", which is not in this evaluation; evaluate both models on the same images");
    const ImageOrigin &a = *first.images[i], &b = *second.images[i];
    OSTEON_CHECK(first.label_of(i) == second.label_of(i), other, ": ", a.path, " has label ",
                 second.label_of(i), " there but ", first.label_of(i), " here");
    OSTEON_CHECK(a.study == b.study && a.patient == b.patient && a.part == b.part, other, ": ",
                 a.path, " belongs to another study, patient or part there");
  }
}

}  // namespace osteon
