// The rows of ops/convolution/measured.inc as text.
#pragma once

#include <string>
#include <vector>

#include "ops/convolution/measured.h"

namespace osteon {

// `text`, a file of rows, with `rows` in place of its rows of their instruction set. Sets are in
// ascending order, and each set's new rows in the order given, below a comment that names the
// columns. Throws Error naming a line that is no row.
std::string with_rows(const std::string& text, const std::vector<convolution::Measured>& rows);

}  // namespace osteon
