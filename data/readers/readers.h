// Between manifest.cpp and the readers of single layouts: each reader lists what its layout says of
// every image, and what all layouts share (classes, splits, checks) is done once, in manifest.cpp.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/split.h"

namespace osteon {

struct ImageRecord {
  std::string path;  // relative to ImageListing::root, or absolute
  std::string class_name;
  std::string study, patient, part;
  std::optional<Split> split;  // as the data set says; none: to be drawn
  std::string place;           // "file:line: " of the list it is in; empty: found in a folder
};

struct ImageListing {
  std::filesystem::path root;
  std::vector<std::string> classes;  // {negative, positive} where the layout fixes them
  std::vector<ImageRecord> records;  // in any order
  std::vector<std::string> warnings;
  // Where the layout names splits but no val: the share of train patients that go there by default.
  double val_share_of_train = 0;
};

// Whether a folder has the layout.
bool is_mura(const std::filesystem::path& data);
bool is_fracatlas(const std::filesystem::path& data);

// One function a layout; INTERFACE and manifest.h say what each makes of it. They throw Error as
// read_manifest does.
ImageListing read_mura(const std::filesystem::path& data);
ImageListing read_fracatlas(const std::filesystem::path& data);
ImageListing read_folder(const std::filesystem::path& data);
ImageListing read_csv_list(const std::filesystem::path& file);

// --- walking folders ----------------------------------------------------------------------------

// The names of the folders (or of everything but folders) in a folder, sorted, without hidden ones.
// Throw std::filesystem::filesystem_error for one that cannot be read.
std::vector<std::string> list_subfolders(const std::filesystem::path& folder);
std::vector<std::string> list_files(const std::filesystem::path& folder);

// Dot-files (MURA ships `._image1.png`) and the __MACOSX folder an archive may leave behind.
bool is_hidden(std::string_view name);
// Whether a file's ending says PNG, JPEG or DICOM, in any case.
bool has_image_ending(std::string_view name);

}  // namespace osteon
