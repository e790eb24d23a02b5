// JSON of files that may come from anywhere. nlohmann's values copy, compare and write themselves
// by recursion, a call for each array in an array: a file of some hundred kilobytes of nothing but
// brackets would overflow the stack of whoever does that later. Here such files are errors.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace osteon {

// Arrays and objects in one another; our own files have 6 at most.
inline constexpr int kDeepestJson = 32;

// The value that `text` stands for. Throws Error if it is not JSON or is nested deeper than
// kDeepestJson.
nlohmann::ordered_json parse_json(std::string_view text);

// The value in a file of at most `limit` bytes. Throws Error naming the file if it cannot be read,
// is larger, or parse_json throws.
nlohmann::ordered_json read_json(const std::filesystem::path& file, std::size_t limit);

// The whole number that the value called `name` is. Throws Error naming it where it is none:
// nlohmann alone would convert 1e300, which has no defined result.
template <class Integer>
Integer to_integer(const char* name, const nlohmann::ordered_json& value) {
  OSTEON_CHECK(value.is_number_integer(), name, " is ", value.dump(), ", not a whole number");
  return value.get<Integer>();
}

}  // namespace osteon
