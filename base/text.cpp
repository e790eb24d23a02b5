// Changes and splits names: case, invalid bytes, lists.
#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace osteon {

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

namespace {

bool is_between(unsigned char byte, int low, int high) { return byte >= low && byte <= high; }

// The length of the UTF-8 character at the start of the text, 0 if there is no valid one.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const auto follows = [&](std::size_t i) { return is_between(byte(i), 0x80, 0xBF); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (is_between(first, 0xC2, 0xDF)) return follows(1) ? 2 : 0;
  if (is_between(first, 0xE0, 0xEF)) {
    // Excludes overlong forms of shorter characters, and halves of UTF-16 surrogate pairs.
    const bool is_valid =
        is_between(byte(1), first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
    return is_valid && follows(2) ? 3 : 0;
  }
  if (is_between(first, 0xF0, 0xF4)) {
    const bool is_valid =
        is_between(byte(1), first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return is_valid && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string as_utf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    if (const std::size_t length = character_length(text); length > 0) {
      valid += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    char escape[5];
    std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(text.front()));
    valid += escape;
    text.remove_prefix(1);
  }
  return valid;
}

std::string exact_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string join(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) {
    if (&name != &names.front()) all += ", ";
    all += name;
  }
  return all;
}

std::vector<std::string> split_text(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

}  // namespace osteon
