// Functions for names read from folders and CSV files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osteon {

// ASCII letters to lower or upper case; other bytes stay unchanged.
std::string lower_case(std::string_view text);
std::string upper_case(std::string_view text);

// The text, with each byte that is not part of valid UTF-8 written as \xNN. Names of files can
// contain any bytes, but JSON and HTML cannot. Source: the ranges of RFC 3629, section 4.
std::string as_utf8(std::string_view text);

// The shortest text that reads back as the same double, whatever the locale.
std::string exact_text(double value);

// "a, b, c".
std::string join(const std::vector<std::string>& names);

// The parts between separators, including empty ones: split_text("a//b", '/') is {a, "", b}.
std::vector<std::string> split_text(std::string_view text, char separator);

}  // namespace osteon
