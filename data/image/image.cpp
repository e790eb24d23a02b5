// Reads and writes image files: chooses the format and names the file in errors.
#include "data/image/image.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>

#include "base/error.h"
#include "data/image/decoders.h"
#include "data/image/dicom_file.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

std::vector<std::uint8_t> read_bytes(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  OSTEON_CHECK(fs::exists(status), "no such file");
  OSTEON_CHECK(fs::is_regular_file(status), "not a regular file");
  const auto size = static_cast<std::int64_t>(fs::file_size(path, error));
  OSTEON_CHECK(!error, "cannot be read: ", error.message());
  OSTEON_CHECK(size > 0, "the file is empty");
  OSTEON_CHECK(size <= kMaxFileBytes, "has ", size, " bytes, more than the ", kMaxFileBytes,
               " allowed");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  std::ifstream in(path, std::ios::binary);
  OSTEON_CHECK(in, "cannot be opened (is it readable?)");
  in.read(reinterpret_cast<char*>(bytes.data()), size);
  OSTEON_CHECK(in.gcount() == size, "cannot be read to the end");
  return bytes;
}

enum class FileFormat { png, jpeg, dicom, none };

bool starts_with(Bytes bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char c, std::uint8_t byte) { return static_cast<std::uint8_t>(c) == byte; });
}

FileFormat format_of(Bytes start) {
  if (starts_with(start, "\x89PNG\r\n\x1A\n")) return FileFormat::png;
  if (starts_with(start, "\xFF\xD8\xFF")) return FileFormat::jpeg;
  return starts_like_dicom(start) ? FileFormat::dicom : FileFormat::none;
}

}  // namespace

void check_dimensions(std::int64_t height, std::int64_t width) {
  OSTEON_CHECK(height > 0 && width > 0, height, " x ", width, " pixels: the image is empty");
  OSTEON_CHECK(height <= kMaxPixels / width, height, " x ", width, " pixels, more than the ",
               kMaxPixels, " allowed");
}

bool starts_like_image(const fs::path& path) {
  std::array<std::uint8_t, 256> start;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;  // reading from a pipe would wait
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(start.data()), start.size());
  return format_of(Bytes(start).first(static_cast<std::size_t>(in.gcount()))) != FileFormat::none;
}

Image read_image(const fs::path& path) try {
  const std::vector<std::uint8_t> bytes = read_bytes(path);
  switch (format_of(bytes)) {
    case FileFormat::png:
      return decode_png(bytes);
    case FileFormat::jpeg:
      return decode_jpeg(bytes);
    case FileFormat::dicom:
      return decode_dicom(bytes);
    default:
      throw Error("its first bytes are not those of a PNG, JPEG or DICOM file");
  }
} catch (const Error& error) {
  throw Error(path.string() + ": " + error.what());
}

}  // namespace osteon
