// Reads FracAtlas: images/{Fractured,Non_fractured}/IMGnnnnnnn.jpg and dataset.csv, one row per
// image with flags for body parts. There are no patient numbers. Images with neighbouring ids are
// often of one patient, so a block of 20 consecutive ids is taken as one patient.
#include <charconv>
#include <map>

#include "base/csv_table.h"
#include "base/error.h"
#include "base/text.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFractured = "Fractured";
constexpr const char* kNonFractured = "Non_fractured";
constexpr std::int64_t kBlockSize = 20;

// The row of dataset.csv for one image.
struct Description {
  std::string part;
  bool fractured = false;
  std::string place;
  bool found = false;  // whether a folder contains the image
};
using Descriptions = std::map<std::string, Description>;

bool flag(const CsvTable& table, const CsvRow& row, const char* column) {
  const std::string& field = row.fields[table.require(column)];
  OSTEON_CHECK(field == "0" || field == "1", table.place(row), column, " is \"", field,
               "\", not 0 or 1");
  return field == "1";
}

// The part whose flag is set; MIXED if there are several, empty if there is none.
std::string part_of(const CsvTable& table, const CsvRow& row) {
  std::string part;
  for (const char* column : {"hand", "leg", "hip", "shoulder"})
    if (flag(table, row, column)) part = part.empty() ? upper_case(column) : "MIXED";
  return flag(table, row, "mixed") ? "MIXED" : part;
}

Descriptions read_descriptions(const fs::path& file) {
  Descriptions descriptions;
  const CsvTable table(file);
  const std::size_t id = table.require("image_id");
  for (const CsvRow& row : table.rows()) {
    const bool added = descriptions
                           .try_emplace(row.fields[id], part_of(table, row),
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

void add_image(const std::string& folder, const std::string& name, const std::string& part,
               const std::string& place, ImageListing& listing) {
  const std::string path = "images/" + folder + "/" + name;
  listing.records.push_back({path, folder, path, block_of(name, path), part, std::nullopt, place});
}

void add_folder(const std::string& folder, Descriptions& descriptions, ImageListing& listing) {
  if (!fs::is_directory(listing.root / "images" / folder)) return;
  for (const std::string& name : list_files(listing.root / "images" / folder)) {
    const std::string path = "images/" + folder + "/" + name;
    if (!is_image_file(listing.root / path)) {
      listing.warnings.push_back(
          path + ": not a PNG, JPEG or DICOM file by its name or first bytes; left out");
      continue;
    }
    const auto row = descriptions.find(name);
    if (row == descriptions.end()) {
      if (!descriptions.empty())
        listing.warnings.push_back(path + ": has no row in dataset.csv; its body part is unknown");
      add_image(folder, name, "", "", listing);
      continue;
    }
    Description& description = row->second;
    OSTEON_CHECK(!description.found, description.place, name, " is in both ", kFractured, " and ",
                 kNonFractured);
    description.found = true;
    if (description.fractured != (folder == kFractured))
      listing.warnings.push_back(format(description.place, "fractured is ", description.fractured,
                                        " but the image is in ", folder,
                                        "; the folder takes precedence"));
    add_image(folder, name, description.part, description.place, listing);
  }
}

}  // namespace

bool is_fracatlas(const fs::path& data) {
  return fs::is_directory(data / "images" / kFractured) ||
         fs::is_directory(data / "images" / kNonFractured);
}

ImageListing read_fracatlas(const fs::path& data) {
  OSTEON_CHECK(is_fracatlas(data), data.string(), ": has neither images/", kFractured,
               " nor images/", kNonFractured, ", so it is not FracAtlas");
  ImageListing listing;
  listing.root = data;
  listing.classes = {kNonFractured, kFractured};
  Descriptions descriptions;
  if (fs::exists(data / "dataset.csv"))
    descriptions = read_descriptions(data / "dataset.csv");
  else
    listing.warnings.push_back("dataset.csv is missing; body parts are unknown");
  for (const char* folder : {kFractured, kNonFractured}) add_folder(folder, descriptions, listing);
  // Images that are listed but missing are added in the folder that their row names, so that they
  // count as unreadable.
  for (const auto& [name, description] : descriptions)
    if (!description.found)
      add_image(description.fractured ? kFractured : kNonFractured, name, description.part,
                description.place, listing);
  return listing;
}

}  // namespace osteon
