// Reads BTXRD, radiographs of bone tumours from three centres: dataset.csv, one row per image,
// beside images/<image_id>. The archive has the list as dataset.xlsx, which a spreadsheet program
// saves as dataset.csv. The class is in the columns tumor, benign and malignant; the body part is
// the column of a bone or joint that is set, of which there may be none. There are no patient
// numbers, so that several views of one patient are separate patients here.
//
// Source: Yao et al., "A Radiograph Dataset for the Classification, Localization, and Segmentation
// of Primary Bone Tumors", Scientific Data, 2025.
#include <algorithm>

#include "base/error.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kList = "dataset.csv";
constexpr const char* kSheet = "dataset.xlsx";
const std::vector<std::string> kClasses = {"normal", "benign", "malignant"};
const std::vector<std::string> kSites = {"hand",        "ulna",        "radius",        "humerus",
                                         "foot",        "tibia",       "fibula",        "femur",
                                         "hip bone",    "ankle-joint", "knee-joint",    "hip-joint",
                                         "wrist-joint", "elbow-joint", "shoulder-joint"};

std::string class_of(const CsvTable& table, const CsvRow& row) {
  const bool tumor = flag(table, row, "tumor"), benign = flag(table, row, "benign"),
             malignant = flag(table, row, "malignant");
  OSTEON_CHECK(tumor == (benign || malignant) && !(benign && malignant), table.place(row),
               "tumor is ", tumor, ", benign ", benign, ", malignant ", malignant,
               ", which contradict each other: a tumor is either benign or malignant");
  return malignant ? "malignant" : benign ? "benign" : "normal";
}

void check_list(const fs::path& data) {
  OSTEON_CHECK(fs::exists(data / kList) || !fs::exists(data / kSheet), (data / kSheet).string(),
               ": a spreadsheet cannot be read; save its sheet as ", kList, " beside it");
}

}  // namespace

bool is_btxrd(const fs::path& data) {
  if (fs::exists(data / kSheet) && !fs::exists(data / kList)) return fs::exists(data / "images");
  const std::vector<std::string> columns = csv_columns(data / kList);
  return std::ranges::all_of(std::vector{"image_id", "center", "malignant"}, [&](const char* name) {
    return std::ranges::count(columns, name) > 0;
  });
}

ImageListing read_btxrd(const fs::path& data, const ListColumns& columns) {
  ImageListing listing;
  listing.root = data;
  check_list(data);
  const CsvTable table(data / kList);
  std::vector<std::string> wanted = {"image_id", "center", "tumor", "benign", "malignant"};
  wanted.insert(wanted.end(), kSites.begin(), kSites.end());
  check_columns(table, wanted);
  OSTEON_CHECK(fs::is_directory(data / "images"), data.string(), ": has no folder images");
  const bool has_own_label = columns.one.empty() && columns.many.empty();
  if (has_own_label) listing.classes = kClasses;
  ListedFiles files(data, {"images"});
  for (const CsvRow& row : table.rows()) {
    const std::string& name = row.fields[table.require("image_id")];
    OSTEON_CHECK(!name.empty(), table.place(row), "image_id is empty");
    LabelFields labels = label_fields(table, row, columns);
    if (has_own_label) labels.one = class_of(table, row);
    ImageRecord record = labelled_record(table, row, std::move(labels));
    record.path = files.take(name);
    record.part = part_of(table, row, kSites);
    listing.records.push_back(std::move(record));
  }
  listing.warnings = files.warnings(kList);
  return listing;
}

}  // namespace osteon
