// What the readers of lists have in common: labels, flags and files of rows.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

std::string group_of(const CsvTable& table, const CsvRow& row, const std::string& column) {
  const std::optional<std::size_t> index = table.find(column);
  if (!index)
    throw UsageError(format("--split-by ", column, ": ", table.header_place(),
                            "no such column; the header has ", join(table.columns())));
  OSTEON_CHECK(!row.fields[*index].empty(), table.place(row), "the ", column, " is empty");
  return row.fields[*index];
}

}  // namespace

void check_no_columns(const ListColumns& columns, const char* dataset) {
  if (!columns.one.empty() || !columns.many.empty())
    throw UsageError(format("--labels, --label-column: the data set ", dataset,
                            " has no list with columns; leave the option out"));
  if (!columns.split_by.empty())
    throw UsageError(format("--split-by ", columns.split_by, ": the data set ", dataset,
                            " has no list with columns; leave the option out, or choose none"));
}

LabelFields label_fields(const CsvTable& table, const CsvRow& row, const ListColumns& columns) {
  LabelFields fields;
  if (!columns.one.empty()) {
    fields.one = row.fields[table.require(columns.one)];
    OSTEON_CHECK(!fields.one.empty(), table.place(row), "the ",
                 columns.one == "label" ? "" : columns.one + " ", "label is empty");
  }
  for (const std::string& column : columns.many)
    fields.many.push_back(row.fields[table.require(column)]);
  if (!columns.split_by.empty()) fields.group = group_of(table, row, columns.split_by);
  return fields;
}

void check_columns(const CsvTable& table, const std::vector<std::string>& wanted) {
  for (const std::string& column : wanted)
    OSTEON_CHECK(table.find(column), table.header_place(), "no column \"", column,
                 "\"; needed are ", join(wanted), "; the header has ", join(table.columns()));
}

bool flag(const CsvTable& table, const CsvRow& row, const std::string& column) {
  const std::string& field = row.fields[table.require(column)];
  const bool is_one = field == "1" || field == "1.0";
  OSTEON_CHECK(is_one || field == "0" || field == "0.0", table.place(row), column, " is \"", field,
               "\", not 0 or 1");
  return is_one;
}

ImageRecord labelled_record(const CsvTable& table, const CsvRow& row, LabelFields labels) {
  ImageRecord record;
  record.class_name = std::move(labels.one);
  record.place = table.place(row);
  record.cells = std::move(labels.many);
  record.group = std::move(labels.group);
  return record;
}

std::string part_of(const CsvTable& table, const CsvRow& row,
                    const std::vector<std::string>& columns) {
  std::string part;
  for (const std::string& column : columns)
    if (flag(table, row, column)) part = part.empty() ? upper_case(column) : "MIXED";
  return part;
}

ListedFiles::ListedFiles(const fs::path& root, const std::vector<std::string>& folders)
    : first_folder_(folders.front()) {
  for (const std::string& folder : folders)
    for (const std::string& name : list_files(root / folder)) {
      const auto [file, added] = files_.try_emplace(name, File{folder});
      OSTEON_CHECK(added, root.string(), ": ", name, " is in both ", file->second.folder, " and ",
                   folder, "; remove one of them");
    }
}

std::string ListedFiles::take(const std::string& name) {
  const auto file = files_.find(name);
  if (file == files_.end()) return first_folder_ + "/" + name;
  file->second.is_taken = true;
  return file->second.folder + "/" + name;
}

std::vector<std::string> ListedFiles::warnings(const std::string& list) const {
  const auto is_left = [](const auto& entry) { return !entry.second.is_taken; };
  const auto first = std::ranges::find_if(files_, is_left);
  if (first == files_.end()) return {};
  return {format(first->second.folder, "/", first->first, ": has no row in ", list,
                 "; left out, as are all such files: ", std::ranges::count_if(files_, is_left))};
}

}  // namespace osteon
