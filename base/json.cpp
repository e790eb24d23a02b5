// The depth is checked while nlohmann parses; its parser does not recurse.
#include "base/json.h"

#include "base/mapped_file.h"

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

}  // namespace osteon
