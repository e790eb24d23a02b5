// RFC 4180 as a small state machine over the whole file.
#include "base/csv_table.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace osteon {
namespace {

constexpr std::size_t kMaxCsvBytes = 100'000'000;  // about a million images
constexpr std::size_t kMaxHeaderBytes = 1 << 16;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  OSTEON_CHECK(in && !std::filesystem::is_directory(file), file.string(), ": cannot be opened");
  // In blocks, because a pipe or a device has no known size.
  std::string text;
  std::vector<char> block(1 << 16);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    text.append(block.data(), static_cast<std::size_t>(in.gcount()));
    OSTEON_CHECK(text.size() <= kMaxCsvBytes, file.string(), ": has more than the ", kMaxCsvBytes,
                 " bytes allowed");
  }
  OSTEON_CHECK(!in.bad(), file.string(), ": cannot be read to its end");
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

// The separator of a header: a comma if it has one outside quotes, else a semicolon or a tab.
char separator_of(std::string_view text) {
  bool quoted = false;
  bool semicolon = false;
  bool tab = false;
  bool line_begun = false;
  for (const char c : text) {
    if (c == '\r' || c == '\n') {
      if (line_begun) break;
      continue;
    }
    line_begun = true;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == ',') return ',';
    semicolon |= c == ';';
    tab |= c == '\t';
  }
  if (semicolon) return ';';
  return tab ? '\t' : ',';
}

class Parser {
 public:
  Parser(const std::filesystem::path& file, std::string text, char separator)
      : file_(file), text_(std::move(text)), separator_(separator) {}

  std::vector<CsvRow> rows() {
    std::vector<CsvRow> rows;
    while (position_ < text_.size()) {
      if (skip_line_end()) continue;
      rows.push_back(row());
    }
    return rows;
  }

 private:
  bool done() const { return position_ == text_.size(); }
  char next() const { return text_[position_]; }

  bool at_line_end() const {
    return done() || next() == '\n' || text_.compare(position_, 2, "\r\n") == 0;
  }

  bool skip_line_end() {
    if (done() || !at_line_end()) return false;
    position_ += next() == '\n' ? 1 : 2;
    ++line_;
    return true;
  }

  CsvRow row() {
    CsvRow row{line_, {}};
    for (;;) {
      row.fields.push_back(!done() && next() == '"' ? quoted_field() : bare_field());
      if (at_line_end()) break;
      ++position_;  // the separator
    }
    skip_line_end();
    return row;
  }

  std::string bare_field() {
    std::string field;
    for (; !at_line_end() && next() != separator_; ++position_) {
      OSTEON_CHECK(next() != '"', place(line_),
                   "a quote inside a field that does not start with one; quote the whole field and "
                   "double the quotes in it");
      OSTEON_CHECK(next() != '\0', place(line_), "a zero byte: this is not a CSV text");
      field += next();
    }
    return field;
  }

  std::string quoted_field() {
    const std::int64_t first_line = line_;
    std::string field;
    for (++position_;; ++position_) {
      OSTEON_CHECK(!done(), place(first_line), "a quoted field is never closed");
      if (next() == '"') {
        ++position_;
        if (done() || next() != '"') break;
      }
      if (next() == '\n') ++line_;
      field += next();
    }
    OSTEON_CHECK(at_line_end() || next() == separator_, place(line_),
                 "text after the closing quote of a field");
    return field;
  }

  std::string place(std::int64_t line) const { return csv_place(file_, CsvRow{line, {}}); }

  const std::filesystem::path& file_;
  const std::string text_;
  const char separator_;
  std::size_t position_ = 0;
  std::int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> read_csv(const std::filesystem::path& file) {
  return Parser(file, read_text(file), ',').rows();
}

std::vector<std::string> csv_columns(const std::filesystem::path& file) try {
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file)) return {};
  std::string text(kMaxHeaderBytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (const std::size_t end = text.find('\n'); end != std::string::npos) text.resize(end + 1);
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  const char separator = separator_of(text);
  const std::vector<CsvRow> rows = Parser(file, std::move(text), separator).rows();
  std::vector<std::string> names = rows.empty() ? std::vector<std::string>{} : rows.front().fields;
  for (std::string& name : names) name = lower_case(name);
  return names;
} catch (const Error&) {
  return {};
}

std::string csv_place(const std::filesystem::path& file, const CsvRow& row) {
  return format(file.string(), ":", row.line, ": ");
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) {
    if (&field != &fields.front()) line += ',';
    const bool blank_line = field.empty() && fields.size() == 1;
    if (field.find_first_of(",\"\r\n") == std::string::npos && !blank_line) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + '\n';
}

CsvTable::CsvTable(const std::filesystem::path& file) : file_(file) {
  std::string text = read_text(file);
  const char separator = separator_of(text);
  rows_ = Parser(file, std::move(text), separator).rows();
  OSTEON_CHECK(!rows_.empty(), file.string(), ": is empty; its first line must name the columns");
  header_ = std::move(rows_.front());
  rows_.erase(rows_.begin());
  for (std::string& name : header_.fields) name = lower_case(name);
  for (const std::string& name : header_.fields)
    OSTEON_CHECK(std::ranges::count(header_.fields, name) == 1, place(header_), "column \"", name,
                 "\" occurs twice");
  for (const CsvRow& row : rows_)
    OSTEON_CHECK(row.fields.size() == header_.fields.size(), place(row), row.fields.size(),
                 " fields where the header has ", header_.fields.size(), " (", join(header_.fields),
                 ")");
}

std::optional<std::size_t> CsvTable::find(std::string_view column) const {
  const auto found = std::ranges::find(header_.fields, lower_case(column));
  if (found == header_.fields.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header_.fields.begin());
}

std::size_t CsvTable::require(std::string_view column) const {
  const std::optional<std::size_t> found = find(column);
  OSTEON_CHECK(found, place(header_), "no column \"", column, "\"; the header has ",
               join(header_.fields));
  return *found;
}

}  // namespace osteon
