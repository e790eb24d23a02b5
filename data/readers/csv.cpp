// Reads a CSV file with one line per image: path and labels, and optionally study, patient, part
// and split.
#include <algorithm>

#include "base/csv_table.h"
#include "base/error.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

// The field of the row in this column; empty if there is no such column.
std::string field(const CsvRow& row, std::optional<std::size_t> column) {
  return column ? row.fields[*column] : std::string();
}

// The path with slashes instead of the back slashes of Windows, unless a file has exactly this
// name.
std::string with_slashes(std::string path, const std::filesystem::path& root) {
  std::error_code error;
  if (path.find('\\') != std::string::npos && !std::filesystem::exists(root / path, error))
    std::ranges::replace(path, '\\', '/');
  return path;
}

}  // namespace

ImageListing read_csv_list(const std::filesystem::path& file, const ListColumns& named) {
  const CsvTable table(file);
  const std::size_t path = table.require("path");
  ListColumns columns = named;
  if (columns.one.empty() && columns.many.empty()) columns.one = "label";
  const auto study = table.find("study"), patient = table.find("patient"),
             part = table.find("part"), split = table.find("split");
  ImageListing listing;
  listing.root = file.parent_path();
  listing.has_free_paths = true;
  for (const CsvRow& row : table.rows()) {
    ImageRecord record;
    record.place = table.place(row);
    record.path = with_slashes(row.fields[path], listing.root);
    OSTEON_CHECK(!record.path.empty(), record.place, "the path is empty");
    LabelFields labels = label_fields(table, row, columns);
    record.class_name = std::move(labels.one);
    record.cells = std::move(labels.many);
    record.group = std::move(labels.group);
    record.study = field(row, study);
    record.patient = field(row, patient);
    record.part = field(row, part);
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
