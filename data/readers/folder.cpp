// Reads one folder per class, optionally below train, val and test folders.
//
// So is the set of knees of the Osteoarthritis Initiative laid out, with the grades 0 to 4 as
// classes: Chen, "Knee Osteoarthritis Severity Grading Dataset", Mendeley Data, 2018. Its split
// folders hold an auto_test besides, with knees that a detector cut out of the test radiographs: it
// shows the test patients again. Files are named after the patient and the side, 9001695L.png.
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

constexpr const char* kAutoTest = "auto_test";

// The digits of a name like 9001695L.png; empty for another name.
std::string knee_patient(const std::string& path) {
  std::string stem = fs::path(path).stem().string();
  if (!stem.ends_with('L') && !stem.ends_with('R')) return "";
  stem.pop_back();
  const bool is_number = std::ranges::all_of(stem, [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? stem : "";
}

// Puts the two knees of a patient together. Only if all files have names of knees, because L and R
// may mean anything in other sets; otherwise each image remains its own patient.
void set_knee_patients(ImageListing& listing) {
  const auto is_knee = [](const ImageRecord& record) { return !knee_patient(record.path).empty(); };
  if (!std::ranges::all_of(listing.records, is_knee)) return;
  for (ImageRecord& record : listing.records) record.patient = knee_patient(record.path);
}

// The class folders below train, val and test folders.
void add_splits(const std::vector<std::string>& folders, ImageListing& listing) {
  for (const std::string& name : folders) {
    if (name == kAutoTest) {
      listing.warnings.push_back(
          "auto_test: left out; it shows the knees of the test split again, cut out by a detector");
      continue;
    }
    OSTEON_CHECK(split_from_name(name), (listing.root / name).string(),
                 ": is next to the split folders but is "
                 "not one of them (train, val, test); rename or move it");
    add_classes(name + "/", split_from_name(name), listing);
  }
}

}  // namespace

ImageListing read_folder(const fs::path& data, const ListColumns& columns) {
  check_no_columns(columns, "folder");
  ImageListing listing;
  listing.root = data;
  const std::vector<std::string> folders = list_subfolders(data);
  OSTEON_CHECK(!folders.empty(), data.string(),
               ": has no folders; expected CLASS/*.png or "
               "train/CLASS/*.png, val/CLASS/*.png, test/CLASS/*.png");
  if (are_splits(folders))
    add_splits(folders, listing);
  else
    add_classes("", std::nullopt, listing);
  set_knee_patients(listing);
  return listing;
}

}  // namespace osteon
