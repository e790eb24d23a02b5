// The few things done to names read from folders and CSV files, in one place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osteon {

// ASCII letters to lower or upper case; other bytes stay.
std::string lower_case(std::string_view text);
std::string upper_case(std::string_view text);

// "a, b, c".
std::string join(const std::vector<std::string>& names);

// The parts between separators, empty ones included: split_text("a//b", '/') is {a, "", b}.
std::vector<std::string> split_text(std::string_view text, char separator);

}  // namespace osteon
