// Reads and writes image files: chooses the format and names the file in errors.
#include "data/image/image.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "base/error.h"
#include "data/image/decoders.h"

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
  OSTEON_CHECK(size <= kMaxFileBytes, size, " bytes; at most ", kMaxFileBytes, " are read");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  std::ifstream in(path, std::ios::binary);
  OSTEON_CHECK(in, "cannot be opened (is it readable?)");
  in.read(reinterpret_cast<char*>(bytes.data()), size);
  OSTEON_CHECK(in.gcount() == size, "cannot be read to the end");
  return bytes;
}

bool starts_with(Bytes bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char c, std::uint8_t byte) { return static_cast<std::uint8_t>(c) == byte; });
}

}  // namespace

void check_dimensions(std::int64_t height, std::int64_t width) {
  OSTEON_CHECK(height > 0 && width > 0, height, " x ", width, " pixels: the image is empty");
  OSTEON_CHECK(height <= kMaxPixels / width, height, " x ", width, " pixels; at most ", kMaxPixels,
               " are read");
}

Image read_image(const fs::path& path) try {
  const std::vector<std::uint8_t> bytes = read_bytes(path);
  if (starts_with(bytes, "\x89PNG\r\n\x1A\n")) return decode_png(bytes);
  if (starts_with(bytes, "\xFF\xD8\xFF")) return decode_jpeg(bytes);
  if (bytes.size() >= 132 && starts_with(Bytes(bytes).subspan(128), "DICM"))
    return decode_dicom(bytes);
  throw Error("neither PNG, JPEG nor DICOM by its first bytes");
} catch (const Error& error) {
  throw Error(path.string() + ": " + error.what());
}

}  // namespace osteon
