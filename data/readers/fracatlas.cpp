// Reads FracAtlas: images/{Fractured,Non_fractured}/IMGnnnnnnn.jpg and dataset.csv, one row per
// image with flags for body parts. There are no patient numbers. Images with neighbouring ids are
// often of one patient, so a block of 20 consecutive ids is taken as one patient.
#include <charconv>
#include <map>

#include "base/csv_table.h"
#include "base/error.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBlockSize = 20;

// The row of dataset.csv for one image.
struct Description {
  std::string part;
  LabelFields labels;
  bool fractured = false;
  std::string place;
  bool found = false;  // whether a folder contains the image
};
using Descriptions = std::map<std::string, Description>;

std::string part_of(const CsvTable& table, const CsvRow& row) {
  const std::string part = part_of(table, row, {"hand", "leg", "hip", "shoulder"});
  return flag(table, row, "mixed") ? "MIXED" : part;
}

Descriptions read_descriptions(const fs::path& file, const ListColumns& columns) {
  Descriptions descriptions;
  const CsvTable table(file);
  const std::size_t id = table.require("image_id");
  for (const CsvRow& row : table.rows()) {
    const bool added =
        descriptions
            .try_emplace(row.fields[id], part_of(table, row), label_fields(table, row, columns),
                         flag(table, row, "fractured"), table.place(row), false)
            .second;
    OSTEON_CHECK(added, table.place(row), row.fields[id], " is listed twice");
  }
  return descriptions;
}

// block0014 for IMG0000280.jpg to IMG0000299.jpg.
std::string block_of(const std::string& name, const std::string& path) {
  std::int64_t id = -1;
  const char* end = name.data() + name.size();
  if (name.starts_with("IMG")) end = std::from_chars(name.data() + 3, end, id).ptr;
  OSTEON_CHECK(id >= 0 && *end == '.', path, ": not a FracAtlas name like IMG0000280.jpg");
  const std::string digits = std::to_string(id / kBlockSize);
  return "block" + std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits;
}

// Lists the images of the folders with the labels of their rows.
class Lister {
 public:
  Lister(ImageListing& listing, Descriptions& descriptions, bool has_columns)
      : listing_(listing), descriptions_(descriptions), has_columns_(has_columns) {}

  void add_folder(const std::string& folder) {
    if (!fs::is_directory(listing_.root / "images" / folder)) return;
    for (const std::string& name : list_files(listing_.root / "images" / folder)) {
      const std::string path = "images/" + folder + "/" + name;
      if (!is_image_file(listing_.root / path)) {
        listing_.warnings.push_back(
            path + ": not a PNG, JPEG or DICOM file by its name or first bytes; left out");
        continue;
      }
      const auto row = descriptions_.find(name);
      if (row == descriptions_.end())
        add_unlisted(folder, name);
      else
        add_listed(folder, name, row->second);
    }
  }

  // Images that are listed but missing are added in the folder that their row names, so that they
  // count as unreadable.
  void add_missing() {
    for (const auto& [name, description] : descriptions_)
      if (!description.found)
        add_image(description.fractured ? kFractured : kNonFractured, name, description);
  }

 private:
  void add_image(const std::string& folder, const std::string& name, const Description& row) {
    const std::string path = "images/" + folder + "/" + name;
    listing_.records.push_back({.path = path,
                                .class_name = row.labels.one.empty() ? folder : row.labels.one,
                                .study = path,
                                .patient = block_of(name, path),
                                .part = row.part,
                                .split = std::nullopt,
                                .place = row.place,
                                .cells = row.labels.many,
                                .group = row.labels.group});
  }

  void add_unlisted(const std::string& folder, const std::string& name) {
    if (!descriptions_.empty())
      listing_.warnings.push_back(
          "images/" + folder + "/" + name + ": has no row in dataset.csv; " +
          (has_columns_ ? "it has no label and is left out" : "its body part is unknown"));
    if (!has_columns_) add_image(folder, name, {});
  }

  void add_listed(const std::string& folder, const std::string& name, Description& description) {
    OSTEON_CHECK(!description.found, description.place, name, " is in both ", kFractured, " and ",
                 kNonFractured);
    description.found = true;
    if (description.fractured != (folder == kFractured))
      listing_.warnings.push_back(format(description.place, "fractured is ", description.fractured,
                                         " but the image is in ", folder,
                                         "; the folder takes precedence"));
    add_image(folder, name, description);
  }

  ImageListing& listing_;
  Descriptions& descriptions_;
  const bool has_columns_;  // labels are in the rows
};

}  // namespace

bool is_fracatlas(const fs::path& data) {
  return fs::is_directory(data / "images" / kFractured) ||
         fs::is_directory(data / "images" / kNonFractured);
}

ImageListing read_fracatlas(const fs::path& data, const ListColumns& columns) {
  OSTEON_CHECK(is_fracatlas(data), data.string(), ": has neither images/", kFractured,
               " nor images/", kNonFractured, ", so it is not FracAtlas");
  ImageListing listing;
  listing.root = data;
  const bool has_columns = !columns.one.empty() || !columns.many.empty();
  if (!has_columns) listing.classes = {kNonFractured, kFractured};
  Descriptions descriptions;
  if (has_columns || !columns.split_by.empty() || fs::exists(data / "dataset.csv"))
    descriptions = read_descriptions(data / "dataset.csv", columns);
  else
    listing.warnings.push_back("dataset.csv is missing; body parts are unknown");
  Lister lister(listing, descriptions, has_columns);
  for (const char* folder : {kFractured, kNonFractured}) lister.add_folder(folder);
  lister.add_missing();
  return listing;
}

}  // namespace osteon
