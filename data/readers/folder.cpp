// Reads one folder per class, optionally below train, val and test folders.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

// The class folders below root/prefix, prefix being "" or "train/", "val/", "test/".
void add_classes(const std::string& prefix, std::optional<Split> split, ImageListing& listing) {
  for (const std::string& class_name : list_subfolders(listing.root / prefix)) {
    const std::string folder = prefix + class_name;
    for (const std::string& name : list_files(listing.root / folder)) {
      const std::string path = folder + "/" + name;
      if (is_image_file(listing.root / path))
        listing.records.push_back({path, class_name, path, path, "", split, ""});
      else
        listing.warnings.push_back(
            path + ": not a PNG, JPEG or DICOM file by its name or first bytes; left out");
    }
    for (const std::string& inner : list_subfolders(listing.root / folder))
      listing.warnings.push_back(folder + "/" + inner +
                                 ": a folder inside a class folder; left out");
  }
}

// Whether the folders are those of splits: one is named train, val or test, or all have names of
// splits, including synonyms. A folder "valid" beside "invalid" is a class.
bool are_splits(const std::vector<std::string>& folders) {
  const auto is_split = [](const std::string& name) { return split_from_name(name).has_value(); };
  const auto is_usual = [](const std::string& name) {
    const std::optional<Split> split = split_from_name(name);
    return split && lower_case(name) == split_name(*split);
  };
  return std::ranges::any_of(folders, is_usual) || std::ranges::all_of(folders, is_split);
}

}  // namespace

ImageListing read_folder(const fs::path& data) {
  ImageListing listing;
  listing.root = data;
  const std::vector<std::string> folders = list_subfolders(data);
  OSTEON_CHECK(!folders.empty(), data.string(),
               ": has no folders; expected CLASS/*.png or "
               "train/CLASS/*.png, val/CLASS/*.png, test/CLASS/*.png");
  if (!are_splits(folders)) {
    add_classes("", std::nullopt, listing);
    return listing;
  }
  for (const std::string& name : folders) {
    OSTEON_CHECK(split_from_name(name), (data / name).string(),
                 ": is next to the split folders but is "
                 "not one of them (train, val, test); rename or move it");
    add_classes(name + "/", split_from_name(name), listing);
  }
  return listing;
}

}  // namespace osteon
