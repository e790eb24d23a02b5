// Aligns columns.
#include "eval/text_table.h"

#include <algorithm>
#include <charconv>
#include <ostream>
#include <string_view>

namespace osteon {
namespace {

std::string fixed(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, 4).ptr};
}

// The width of a text on the terminal, in columns. UTF-8 continuation bytes have no width.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string cell_text(const std::optional<double>& value) { return value ? fixed(*value) : "-"; }

std::string cell_text(const std::optional<Interval>& interval) {
  return interval ? fixed(interval->low) + " to " + fixed(interval->high) : "-";
}

std::string printable(std::string name) {
  std::ranges::replace_if(
      name, [](unsigned char c) { return c < ' ' || c == 127; }, '?');
  return name;
}

void print_aligned(std::ostream& out, const std::vector<TextRow>& rows, std::size_t left) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const TextRow& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  for (const TextRow& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width(row[i]), ' ');
      if (i > 0) line += "  ";
      line += i < left ? row[i] + padding : padding + row[i];
    }
    out << line << '\n';
  }
}

}  // namespace osteon
