// Reads GRAZPEDWRI-DX, wrists of children: dataset.csv, one row per image, beside the images
// images/<filestem>.png. The archives images_part1 to images_part4 may also remain folders of their
// own. A column such as fracture_visible has 1 where the finding is there and is empty elsewhere:
// an empty field of such a column is 0, not unknown. Other programs write 1.0.
//
// Source: Nagy et al., "A pediatric wrist trauma X-ray dataset (GRAZPEDWRI-DX) for machine
// learning", Scientific Data 9, 222, 2022.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kList = "dataset.csv";
constexpr const char* kFractureVisible = "fracture_visible";
// The columns in which an empty field is 0.
constexpr const char* kFlags[] = {"initial_exam", "cast",           "diagnosis_uncertain",
                                  "osteopenia",   kFractureVisible, "metal"};

std::vector<std::string> image_folders(const fs::path& root) {
  std::vector<std::string> folders = list_subfolders(root);
  std::erase_if(folders, [](const std::string& name) {
    return name != "images" && !name.starts_with("images_part");
  });
  OSTEON_CHECK(!folders.empty(), root.string(),
               ": has no folder images and none named images_part1 to images_part4");
  return folders;
}

CsvRow with_zeros(const CsvTable& table, CsvRow row) {
  for (const char* column : kFlags)
    if (const auto index = table.find(column); index && row.fields[*index].empty())
      row.fields[*index] = "0";
  return row;
}

}  // namespace

bool is_grazped(const fs::path& data) {
  return std::ranges::count(csv_columns(data / kList), "filestem") > 0;
}

ImageListing read_grazped(const fs::path& data, const ListColumns& columns) {
  ImageListing listing;
  listing.root = data;
  const CsvTable table(data / kList);
  check_columns(table, {"filestem", "patient_id", "study_number", kFractureVisible});
  const bool has_own_label = columns.one.empty() && columns.many.empty();
  if (has_own_label) listing.classes = {kNonFractured, kFractured};
  ListedFiles files(data, image_folders(data));
  for (const CsvRow& given : table.rows()) {
    const CsvRow row = with_zeros(table, given);
    const std::string& stem = row.fields[table.require("filestem")];
    const std::string& patient = row.fields[table.require("patient_id")];
    OSTEON_CHECK(!stem.empty() && !patient.empty(), table.place(row),
                 "filestem or patient_id is empty");
    LabelFields labels = label_fields(table, row, columns);
    if (has_own_label) labels.one = flag(table, row, kFractureVisible) ? kFractured : kNonFractured;
    ImageRecord record = labelled_record(table, row, std::move(labels));
    record.path = files.take(stem + ".png");
    record.study = format(patient, "/", row.fields[table.require("study_number")]);
    record.patient = patient;
    record.part = "WRIST";
    listing.records.push_back(std::move(record));
  }
  listing.warnings = files.warnings(kList);
  return listing;
}

}  // namespace osteon
