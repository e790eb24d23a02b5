// Writes TensorBoard's event files: scalars and images of a run.
//
// A file is a sequence of records: length (u64), masked CRC-32C of the length, the bytes, masked
// CRC-32C of the bytes, little-endian. Each record holds one Event message of protocol buffers.
// Source: TensorFlow, core/lib/io/record_writer.h and core/util/event.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace osteon {

// CRC-32C (Castagnoli). Source: RFC 3720, appendix B.4.
std::uint32_t crc32c(std::string_view bytes);

class TensorBoardWriter {
 public:
  // Creates the folder and begins a new file in it; TensorBoard shows several files as one run. All
  // members throw Error naming the file that cannot be written.
  explicit TensorBoardWriter(const std::filesystem::path& folder);

  void scalar(const std::string& tag, double value, std::int64_t step);
  // Adds an encoded image, PNG or JPEG.
  void image(const std::string& tag, std::string_view file, std::int64_t height, std::int64_t width,
             std::int64_t step);

 private:
  void write(const std::string& event);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace osteon
