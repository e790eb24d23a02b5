// Checksums of files. A checkpoint uses them to find bytes that were lost or changed after writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace osteon {

// CRC-32 (zlib's, the polynomial of ISO 3309) as eight hexadecimal digits. It detects damage, not
// forgery.
std::string crc32_of(std::string_view bytes);

// 64 bits of a sequence of bytes: finds every change within 8 aligned bytes, and any other with a
// probability of 1 - 2^-64. Three to four times as fast as CRC-32; it detects damage, not forgery.
std::uint64_t fast_checksum(const void* bytes, std::size_t count);
// The same of a file's contents. Throws Error naming the file.
std::uint64_t fast_checksum(const std::filesystem::path& file);

// {"bytes": N, "crc32": "..."} of the file's current contents. Throws Error naming the file.
nlohmann::ordered_json file_checksum(const std::filesystem::path& file);

// Throws Error naming the file unless its size and CRC-32 equal those in `expected`, an object from
// file_checksum.
void verify_file(const std::filesystem::path& file, const nlohmann::ordered_json& expected);

// The text of a JSON file for `object`. Its first member is the CRC-32 of the whole text, computed
// with zeros in place of the digits.
std::string to_checked_json(const nlohmann::ordered_json& object);

// Reads such a file of at most `limit` bytes. Throws Error naming the file if it is damaged or has
// another format.
nlohmann::ordered_json read_checked_json(const std::filesystem::path& file, std::size_t limit);

// The same for a file whose member "files" holds the checksums of files in the same folder.
// Verifies those in `files`. Throws Error naming the file that is damaged, missing or without a
// checksum.
nlohmann::ordered_json read_checked_json(const std::filesystem::path& file, std::size_t limit,
                                         const std::vector<std::string>& files);

}  // namespace osteon
