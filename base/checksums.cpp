// CRC-32 of files by zlib.
#include "base/checksums.h"

#include <zlib.h>

#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// The start of a checked JSON file; the digits of the CRC-32 replace the zeros.
constexpr std::string_view kBegin = "{\n  \"crc32\": \"";
constexpr std::string_view kZeros = "00000000";

std::string_view contents(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.data()), file.size()};
}

}  // namespace

std::string crc32_of(std::string_view bytes) {
  const uLong sum = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  char text[9];
  std::snprintf(text, sizeof text, "%08lx", sum);
  return text;
}

// Eight sums of words, because a product takes several cycles. Each step replaces a sum by one that
// depends on the old sum and the word one-to-one, so that a change of one word changes the result,
// whatever follows.
std::uint64_t fast_checksum(const void* bytes, std::size_t count) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  constexpr std::size_t kLanes = 8, kBlock = kLanes * sizeof(std::uint64_t);
  const auto mix = [](std::uint64_t& sum, std::uint64_t word) {
    sum = (sum ^ word) * kOdd;
    sum ^= sum >> 32;
  };
  std::uint64_t sums[kLanes] = {1, 2, 3, 4, 5, 6, 7, 8};
  const auto add_block = [&](const std::uint64_t* words) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) mix(sums[lane], words[lane]);
  };
  const auto* at = static_cast<const std::byte*>(bytes);
  std::uint64_t words[kLanes];
  std::size_t left = count;
  for (; left >= kBlock; left -= kBlock, at += kBlock) {
    std::memcpy(words, at, kBlock);
    add_block(words);
  }
  std::memset(words, 0, kBlock);
  if (left > 0) std::memcpy(words, at, left);
  add_block(words);
  std::uint64_t all = count;
  for (const std::uint64_t sum : sums) mix(all, sum);
  return all;
}

std::uint64_t fast_checksum(const fs::path& file) {
  const MappedFile mapped(file);
  return fast_checksum(mapped.data(), mapped.size());
}

ordered_json file_checksum(const fs::path& file) {
  const MappedFile mapped(file);
  return {{"bytes", mapped.size()}, {"crc32", crc32_of(contents(mapped))}};
}

void verify_file(const fs::path& file, const ordered_json& expected) {
  const ordered_json found = file_checksum(file);
  for (const char* key : {"bytes", "crc32"})
    OSTEON_CHECK(expected.contains(key) && found[key] == expected[key], file.string(),
                 " is damaged: ", key, " is ", found[key].dump(), ", was ",
                 expected.value(key, ordered_json()).dump(), " when it was written");
}

std::string to_checked_json(const ordered_json& object) {
  ordered_json with_sum = {{"crc32", kZeros}};
  with_sum.update(object);
  std::string text = with_sum.dump(2) + "\n";
  return text.replace(kBegin.size(), kZeros.size(), crc32_of(text));
}

ordered_json read_checked_json(const fs::path& file, std::size_t limit) {
  const MappedFile mapped(file);
  OSTEON_CHECK(mapped.size() <= limit, file.string(), " has ", mapped.size(),
               " bytes, more than the ", limit, " allowed");
  std::string text(contents(mapped));
  OSTEON_CHECK(text.size() > kBegin.size() + kZeros.size() && text.starts_with(kBegin),
               file.string(),
               " does not begin with its checksum; it is damaged or of another version");
  const std::string sum = text.substr(kBegin.size(), kZeros.size());
  const std::string found = crc32_of(text.replace(kBegin.size(), kZeros.size(), kZeros));
  OSTEON_CHECK(found == sum, file.string(), " is damaged: its CRC-32 is ", found, ", was ", sum,
               " when it was written");
  try {
    return parse_json(text);
  } catch (const Error& error) {
    throw Error(format(file.string(), ": ", error.what()));
  }
}

ordered_json read_checked_json(const fs::path& file, std::size_t limit,
                               const std::vector<std::string>& files) {
  ordered_json object = read_checked_json(file, limit);
  for (const std::string& name : files) {
    OSTEON_CHECK(object.contains("files") && object["files"].is_object() &&
                     object["files"].value(name, ordered_json()).is_object(),
                 file.string(), " has no checksum of ", name);
    verify_file(file.parent_path() / name, object["files"][name]);
  }
  return object;
}

}  // namespace osteon
