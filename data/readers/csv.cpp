// Reads a CSV file with one line per image: path and label, and optionally study, patient, part and
// split.
#include "base/csv_table.h"
#include "base/error.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

// The column's field if it is there and not empty, otherwise the fallback.
const std::string& field_or(const CsvRow& row, std::optional<std::size_t> column,
                            const std::string& fallback) {
  return column && !row.fields[*column].empty() ? row.fields[*column] : fallback;
}

}  // namespace

ImageListing read_csv_list(const std::filesystem::path& file) {
  const CsvTable table(file);
  const std::size_t path = table.require("path"), label = table.require("label");
  const auto study = table.find("study"), patient = table.find("patient"),
             part = table.find("part"), split = table.find("split");
  ImageListing listing;
  listing.root = file.parent_path();
  for (const CsvRow& row : table.rows()) {
    ImageRecord record;
    record.place = table.place(row);
    record.path = row.fields[path];
    record.class_name = row.fields[label];
    OSTEON_CHECK(!record.path.empty(), record.place, "the path is empty");
    OSTEON_CHECK(!record.class_name.empty(), record.place, "the label is empty");
    // An image without a study is its own study; a study without a patient is its own patient.
    record.study = field_or(row, study, record.path);
    record.patient = field_or(row, patient, record.study);
    if (part) record.part = row.fields[*part];
    if (split && !row.fields[*split].empty()) {
      record.split = split_from_name(row.fields[*split]);
      OSTEON_CHECK(record.split, record.place, "split \"", row.fields[*split],
                   "\" is not train, val or test");
    }
    OSTEON_CHECK(listing.records.empty() ||
                     record.split.has_value() == listing.records.front().split.has_value(),
                 record.place,
                 "the column split is set in some lines and empty in others; "
                 "set it in all lines or in none");
    listing.records.push_back(std::move(record));
  }
  return listing;
}

}  // namespace osteon
