// Reads JSON from untrusted files, and writes JSON. nlohmann copies, compares and writes values by
// recursion, one call per nested array. A file with some hundred kilobytes of brackets would
// overflow the stack in a later copy. Here such a file is an error.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace osteon {

// Maximum depth of nested arrays and objects; Osteon's own files have at most 6 levels.
inline constexpr int kMaxJsonDepth = 32;

// Parses `text`. Throws Error if it is not JSON or is nested more than kMaxJsonDepth deep.
nlohmann::ordered_json parse_json(std::string_view text);

// Parses a file of at most `limit` bytes. Throws Error naming the file if it cannot be read, is
// larger, or parse_json throws.
nlohmann::ordered_json read_json(const std::filesystem::path& file, std::size_t limit);

// The value as JSON, with line breaks unless `indent` is negative. Strings are written as as_utf8()
// returns them, because names of files can contain bytes that are not UTF-8.
std::string json_text(const nlohmann::ordered_json& value, int indent);
// Writes that text to a file, as write_file_atomically() does.
void write_json(const std::filesystem::path& file, const nlohmann::ordered_json& value);

// The value as a whole number. Throws Error with `name` if it is not one: nlohmann alone would
// convert 1e300, which is undefined.
template <class Integer>
Integer to_integer(const char* name, const nlohmann::ordered_json& value) {
  OSTEON_CHECK(value.is_number_integer(), name, " is ", value.dump(), ", not a whole number");
  return value.get<Integer>();
}

}  // namespace osteon
