// Comma-separated values: the reader the data sets' lists go through, which remembers the line each
// row came from so that a fault can be named as file:line, and the writer of the same format.
//
// Source: RFC 4180. Beyond it, a lone line feed ends a row, a leading UTF-8 byte order mark and
// blank lines are skipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osteon {

struct CsvRow {
  std::int64_t line = 0;  // where the row starts, counted from 1
  std::vector<std::string> fields;
};

// All rows of a file, the header (if it has one) included. Throws Error naming the file when it
// cannot be read or has more than 100 MB, and file:line when a quote is left open, stands inside a
// bare field or is followed by text.
std::vector<CsvRow> read_csv(const std::filesystem::path& file);

// "file:line: ", the start of every message about a row.
std::string csv_place(const std::filesystem::path& file, const CsvRow& row);

// One row as text, its line feed included; fields are quoted where they have to be.
std::string csv_line(const std::vector<std::string>& fields);

// A file whose first row names the columns. Throws Error naming file:line when a row has another
// number of fields than the header, and when a column name is there twice.
class CsvTable {
 public:
  explicit CsvTable(const std::filesystem::path& file);

  const std::vector<CsvRow>& rows() const { return rows_; }
  std::string place(const CsvRow& row) const { return csv_place(file_, row); }

  // The position of a column, if there is one of that name.
  std::optional<std::size_t> find(std::string_view column) const;
  // The position of a column that has to be there; throws Error listing the columns otherwise.
  std::size_t require(std::string_view column) const;

 private:
  std::filesystem::path file_;
  CsvRow header_;
  std::vector<CsvRow> rows_;
};

}  // namespace osteon
