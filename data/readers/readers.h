// The readers of single layouts of data sets. manifest.cpp calls them. Each lists the images of its
// layout; the steps that all layouts share (classes, splits, checks) are in manifest.cpp.
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
  // An image without a study is a study of its own, one without a patient a patient of its own.
  std::string study, patient, part;
  std::optional<Split> split;  // as the data set defines it; nullopt: read_manifest draws it
  std::string place;           // "file:line: " of its line in a list; empty: found in a folder
  std::string name{};          // set by read_manifest
};

struct ImageListing {
  std::filesystem::path root;
  std::vector<std::string> classes;  // {negative, positive} if the layout defines them
  std::vector<ImageRecord> records;  // in any order
  std::vector<std::string> warnings;
  bool has_free_paths = false;  // the same file may have several spellings of its path, as in lists
  // If the layout has splits but no val: the default share of the train patients that become val.
  double val_share_of_train = 0;
};

// Whether a folder has the layout.
bool is_mura(const std::filesystem::path& data);
bool is_fracatlas(const std::filesystem::path& data);

// One function per layout; manifest.h describes the layouts. They throw Error as read_manifest
// does.
ImageListing read_mura(const std::filesystem::path& data);
ImageListing read_fracatlas(const std::filesystem::path& data);
ImageListing read_folder(const std::filesystem::path& data);
ImageListing read_csv_list(const std::filesystem::path& file);

// --- listing folders ----------------------------------------------------------------------------

// The names of the subfolders, or of all other entries, of a folder, sorted and without hidden
// ones. Throws std::filesystem::filesystem_error for an unreadable folder.
std::vector<std::string> list_subfolders(const std::filesystem::path& folder);
std::vector<std::string> list_files(const std::filesystem::path& folder);

// Whether a name is hidden: dot-files (MURA contains `._image1.png`) and the __MACOSX folder of
// some archives.
bool is_hidden(std::string_view name);
// Whether a file is an image: its name has an ending of PNG, JPEG or DICOM (in lower or upper
// case), or its first bytes are those of such a file, because DICOM files can have any name
// (1.2.840.1, I0001, a.IMA).
bool is_image_file(const std::filesystem::path& path);

}  // namespace osteon
