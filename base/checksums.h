// Checksums of files: how a checkpoint notices that a byte of it was lost or changed after it was
// written.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace osteon {

// CRC-32 (zlib's, the polynomial of ISO 3309), eight hexadecimal digits. It finds damage, not
// forgery.
std::string crc32_of(std::string_view bytes);

// {"bytes": N, "crc32": "..."} of a file as it is now. Throws Error naming the file.
nlohmann::ordered_json file_checksum(const std::filesystem::path& file);

// Throws Error naming the file unless its size and CRC-32 are those of such an object.
void verify_file(const std::filesystem::path& file, const nlohmann::ordered_json& expected);

// `object` as the text of a JSON file whose first member is the CRC-32 of the whole text, written
// with zeros in its place.
std::string to_checked_json(const nlohmann::ordered_json& object);

// Reads such a file, of at most `limit` bytes. Throws Error naming the file if it is damaged or is
// not one.
nlohmann::ordered_json read_checked_json(const std::filesystem::path& file, std::size_t limit);

// Reads such a file whose member "files" has the checksums of files beside it, and verifies those
// that are named. Throws Error naming the file that is damaged, missing or without a checksum.
nlohmann::ordered_json read_checked_json(const std::filesystem::path& file, std::size_t limit,
                                         const std::vector<std::string>& files);

}  // namespace osteon
