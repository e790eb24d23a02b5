// Writes event messages byte by byte: only five of their fields are needed.
#include "interop/tensorboard.h"

#include <array>
#include <bit>
#include <chrono>

#include "base/error.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 0xFF);
  return text;
}

// The encoding of protocol buffers' fields. Source: Protocol Buffers, "Encoding".
std::string varint(std::uint64_t value) {
  std::string text;
  for (; value >= 128; value >>= 7) text += static_cast<char>((value & 127) | 128);
  return text + static_cast<char>(value);
}
std::string key(int field, int wire_type) {
  return varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire_type));
}
std::string whole_field(int field, std::int64_t value) {
  return key(field, 0) + varint(static_cast<std::uint64_t>(value));
}
std::string double_field(int field, double value) {
  return key(field, 1) + little_endian(std::bit_cast<std::uint64_t>(value), 8);
}
std::string float_field(int field, float value) {
  return key(field, 5) + little_endian(std::bit_cast<std::uint32_t>(value), 4);
}
std::string bytes_field(int field, std::string_view value) {
  return key(field, 2) + varint(value.size()) + std::string(value);
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Event: wall_time = 1, step = 2, summary = 5; Summary: value = 1; Value: tag = 1.
std::string event(std::int64_t step, const std::string& tag, const std::string& value) {
  const std::string summary = bytes_field(1, bytes_field(1, tag) + value);
  return double_field(1, now()) + whole_field(2, step) + bytes_field(5, summary);
}

// Masks a checksum, as the format requires: the CRC of data that contains its own CRC would be a
// constant.
std::uint32_t masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xA282EAD8U; }

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> values{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82F63B78U : 0U);
      values[i] = value;
    }
    return values;
  }();
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes)
    crc = crc >> 8 ^ table[(crc ^ static_cast<std::uint8_t>(byte)) & 0xFF];
  return ~crc;
}

TensorBoardWriter::TensorBoardWriter(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  OSTEON_CHECK(!error, "cannot create ", folder.string(), ": ", error.message());
  // TensorBoard reads the files of a folder in the order of their names.
  const std::string stem =
      format("events.out.tfevents.", static_cast<std::int64_t>(now()), ".osteon.");
  int number = 0;
  do path_ = folder / (stem + std::to_string(number++));
  while (fs::exists(path_));
  file_.open(path_, std::ios::binary);
  write(double_field(1, now()) + bytes_field(3, "brain.Event:2"));
}

void TensorBoardWriter::scalar(const std::string& tag, double value, std::int64_t step) {
  write(event(step, tag, float_field(2, static_cast<float>(value))));
}

void TensorBoardWriter::image(const std::string& tag, std::string_view file, std::int64_t height,
                              std::int64_t width, std::int64_t step) {
  constexpr std::int64_t kColours = 3;
  write(event(step, tag,
              bytes_field(4, whole_field(1, height) + whole_field(2, width) +
                                 whole_field(3, kColours) + bytes_field(4, file))));
}

void TensorBoardWriter::write(const std::string& event) {
  const std::string length = little_endian(event.size(), 8);
  file_ << length << little_endian(masked(crc32c(length)), 4) << event
        << little_endian(masked(crc32c(event)), 4) << std::flush;
  OSTEON_CHECK(file_.good(), "cannot write ", path_.string(), ": is the disk full?");
}

}  // namespace osteon
