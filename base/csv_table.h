// Comma-separated values: the reader for the lists of the data sets and the writer of the same
// format. The reader keeps the line number of each row, so that errors name file:line.
//
// Source: RFC 4180. In addition, a lone line feed ends a row; a leading UTF-8 byte order mark and
// blank lines are skipped.
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace osteon {

struct CsvRow {
  std::int64_t line = 0;  // of the row's first character, counted from 1
  std::vector<std::string> fields;
};

// All rows of a file, including the header if it has one. Throws Error naming the file if it cannot
// be read or has more than 100 MB. Throws Error naming file:line if a quoted field is not closed or
// is followed by text, or if an unquoted field contains a quote.
std::vector<CsvRow> read_csv(const std::filesystem::path& file);

// "file:line: ", the prefix of every message about a row.
std::string csv_place(const std::filesystem::path& file, const CsvRow& row);

// The columns that the first line of a file names, in lower case; none if there is no such file or
// its first line is not one of a CSV file. The other lines are not read.
std::vector<std::string> csv_columns(const std::filesystem::path& file);

// One row as text, with its line feed. Fields are quoted only if necessary.
std::string csv_line(const std::vector<std::string>& fields);

// A file whose first row names the columns, in any case. If the first row has no commas, semicolons
// or tabs separate the fields, as spreadsheets write them. Throws Error naming file:line if a row
// and the header differ in their number of fields, or if two columns have the same name.
class CsvTable {
 public:
  explicit CsvTable(const std::filesystem::path& file);

  const std::vector<CsvRow>& rows() const { return rows_; }
  const std::vector<std::string>& columns() const { return header_.fields; }  // in lower case
  std::string place(const CsvRow& row) const { return csv_place(file_, row); }
  std::string header_place() const { return csv_place(file_, header_); }

  // The index of a column, if it exists.
  std::optional<std::size_t> find(std::string_view column) const;
  // The index of a required column. If it is missing, throws Error listing the columns.
  std::size_t require(std::string_view column) const;
  // The number in a field. Throws Error naming file:line and the column if it is none.
  template <class Number>
  Number number(const CsvRow& row, std::size_t column) const {
    const std::string& text = row.fields[column];
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    OSTEON_CHECK(error == std::errc() && stop == end, place(row), header_.fields[column], " '",
                 text, "' is not a number");
    return value;
  }

 private:
  std::filesystem::path file_;
  CsvRow header_;
  std::vector<CsvRow> rows_;
};

}  // namespace osteon
