// Tables of text on the terminal.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "eval/metrics.h"

namespace osteon {

using TextRow = std::vector<std::string>;

// Prints the rows as columns, the first `left` of them aligned left and the others right.
void print_aligned(std::ostream& out, const std::vector<TextRow>& rows, std::size_t left);

// 0.8781, or a dash if it is undefined.
std::string cell_text(const std::optional<double>& value);
// 0.8421 to 0.9102, or a dash.
std::string cell_text(const std::optional<Interval>& interval);

// A name with ? instead of control characters, which would break the table or control the terminal.
// A name may contain any bytes.
std::string printable(std::string name);

}  // namespace osteon
