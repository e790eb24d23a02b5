// Reads the RSNA Pediatric Bone Age set, left hands of children with the bone age in months:
// boneage-training-dataset.csv with id, boneage and male beside the folder
// boneage-training-dataset/<id>.png, which archives often contain in a folder of the same name. The
// test images have no bone age in their list, so that they are not read. There are no patient
// numbers: each image is its own patient.
//
// Source: Halabi et al., "The RSNA Pediatric Bone Age Machine Learning Challenge", Radiology 290,
// 2019; the names of files and columns are those of its copy on Kaggle, kmader/rsna-bone-age.
#include "base/error.h"
#include "base/text.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kList = "boneage-training-dataset.csv";
constexpr const char* kFolder = "boneage-training-dataset";
constexpr const char* kBoneAge = "boneage";

std::string image_folder(const fs::path& root) {
  OSTEON_CHECK(fs::is_directory(root / kFolder), root.string(), ": has no folder ", kFolder,
               " beside ", kList);
  const std::string nested = format(kFolder, "/", kFolder);
  return fs::is_directory(root / nested) ? nested : kFolder;
}

std::string months(const CsvTable& table, const CsvRow& row) {
  const std::size_t column = table.require(kBoneAge);
  OSTEON_CHECK(table.number<double>(row, column) >= 0, table.place(row), kBoneAge, " is ",
               row.fields[column], ", not a number of months");
  return row.fields[column];
}

}  // namespace

bool is_boneage(const fs::path& data) { return fs::is_regular_file(data / kList); }

ImageListing read_boneage(const fs::path& data, const ListColumns& columns) {
  ImageListing listing;
  listing.root = data;
  const CsvTable table(data / kList);
  check_columns(table, {"id", kBoneAge});
  const bool has_own_label =
      columns.many.empty() && (columns.one.empty() || lower_case(columns.one) == kBoneAge);
  if (has_own_label) listing.number = kBoneAge;
  ListedFiles files(data, {image_folder(data)});
  for (const CsvRow& row : table.rows()) {
    const std::string& id = row.fields[table.require("id")];
    OSTEON_CHECK(!id.empty(), table.place(row), "id is empty");
    LabelFields labels = label_fields(table, row, columns);
    if (has_own_label) labels.one = months(table, row);
    ImageRecord record = labelled_record(table, row, std::move(labels));
    record.path = files.take(id + ".png");
    record.part = "HAND";
    listing.records.push_back(std::move(record));
  }
  listing.warnings = files.warnings(kList);
  return listing;
}

}  // namespace osteon
