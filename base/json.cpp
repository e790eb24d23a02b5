// Checks the depth while nlohmann parses. Its parser does not use recursion.
#include "base/json.h"

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/text.h"

namespace osteon {

using nlohmann::ordered_json;

ordered_json parse_json(std::string_view text) {
  // `depth` counts the open arrays and objects around the current value.
  const auto watch = [](int depth, ordered_json::parse_event_t, const ordered_json&) {
    OSTEON_CHECK(depth <= kMaxJsonDepth, "its values are nested more than ", kMaxJsonDepth,
                 " deep");
    return true;
  };
  try {
    return ordered_json::parse(text, watch);
  } catch (const nlohmann::json::exception& error) {
    throw Error(format("it is not JSON: ", error.what()));
  }
}

ordered_json read_json(const std::filesystem::path& file, std::size_t limit) {
  const MappedFile mapped(file);
  OSTEON_CHECK(mapped.size() <= limit, file.string(), " has ", mapped.size(),
               " bytes, more than the ", limit, " allowed");
  try {
    return parse_json({reinterpret_cast<const char*>(mapped.data()), mapped.size()});
  } catch (const Error& error) {
    throw Error(format(file.string(), ": ", error.what()));
  }
}

namespace {

ordered_json in_utf8(const ordered_json& value) {
  if (value.is_string()) return as_utf8(value.get<std::string>());
  if (!value.is_structured()) return value;
  ordered_json copy = value.is_array() ? ordered_json::array() : ordered_json::object();
  if (value.is_array())
    for (const ordered_json& inner : value) copy.push_back(in_utf8(inner));
  else
    for (const auto& [key, inner] : value.items()) copy[as_utf8(key)] = in_utf8(inner);
  return copy;
}

}  // namespace

std::string json_text(const ordered_json& value, int indent) { return in_utf8(value).dump(indent); }

void write_json(const std::filesystem::path& file, const ordered_json& value) {
  write_file_atomically(file, json_text(value, 2) + "\n");
}

}  // namespace osteon
