// The text of --help, and the answer to a mistyped option.
#include "apps/options.h"

#include <algorithm>
#include <numeric>
#include <sstream>

namespace osteon {
namespace {

constexpr std::size_t kColumns = 100, kIndent = 30;

// The words of a line, wrapped to the columns from kIndent on.
std::string wrapped(const std::string& text) {
  std::string lines, line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && kIndent + line.size() + 1 + word.size() > kColumns) {
      lines += line + "\n" + std::string(kIndent, ' ');
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return lines + line;
}

// The lines of a text in these columns. One that fits keeps its spaces, so that it may be the row
// of a table.
std::string in_columns(const std::string& text) {
  std::string lines;
  std::istringstream rest(text);
  for (std::string line; std::getline(rest, line);)
    lines += (lines.empty() ? "" : "\n" + std::string(kIndent, ' ')) +
             (kIndent + line.size() <= kColumns ? line : wrapped(line));
  return lines;
}

// The number of characters to insert, remove or replace to get from one word to the other.
// Source: Levenshtein, "Binary codes capable of correcting deletions, insertions and reversals",
// Soviet Physics Doklady 10, 1966.
std::size_t edit_distance(const std::string& from, const std::string& to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

}  // namespace

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  const std::string name =
      "  " + make_option_name(option, is_positional) + make_option_opts(option);
  const std::string gap = name.size() + 2 > kIndent ? "\n" + std::string(kIndent, ' ')
                                                    : std::string(kIndent - name.size(), ' ');
  return name + gap + in_columns(make_option_desc(option)) + "\n";
}

std::string unknown_argument(const CLI::App& app) {
  const std::vector<std::string> left = app.remaining();
  const auto dashed = std::ranges::find_if(
      left, [](const std::string& argument) { return argument.starts_with("--"); });
  if (dashed == left.end()) return left.front() + ": no option takes this argument";
  const std::string given = dashed->substr(0, dashed->find('='));
  std::string nearest;
  std::size_t distance = 3;  // a word at this distance or more is not a misspelling
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) {
      const std::string known = "--" + name;
      const std::size_t now = known.starts_with(given) ? 1 : edit_distance(given, known);
      if (now < distance) {
        nearest = known;
        distance = now;
      }
    }
  return given +
         (nearest.empty() ? ": there is no such option" : ": did you mean " + nearest + "?");
}

}  // namespace osteon
