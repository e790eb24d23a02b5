// Reads the EXIF orientation and applies it.
#include <algorithm>
#include <string_view>
#include <utility>

#include "data/image/decoders.h"

namespace osteon {
namespace {

// The TIFF structure inside an EXIF segment, read with every offset checked.
class Tiff {
 public:
  explicit Tiff(Bytes bytes) : bytes_(bytes), little_endian_(!bytes.empty() && bytes[0] == 'I') {}

  bool has(std::size_t offset, std::size_t size) const {
    return offset <= bytes_.size() && size <= bytes_.size() - offset;
  }
  std::uint32_t u16(std::size_t offset) const {
    const std::uint32_t first = bytes_[offset], second = bytes_[offset + 1];
    return little_endian_ ? second << 8 | first : first << 8 | second;
  }
  std::uint32_t u32(std::size_t offset) const {
    const std::uint32_t first = u16(offset), second = u16(offset + 2);
    return little_endian_ ? second << 16 | first : first << 16 | second;
  }
  // The value of an entry of the directory, of any integer type; 0 for another type. A negative
  // number becomes one that is larger than every orientation. Source: TIFF 6.0, section 2.
  std::uint32_t integer(std::size_t entry) const {
    switch (u16(entry + 2)) {
      case 1:  // BYTE
      case 6:  // SBYTE
        return bytes_[entry + 8];
      case 3:  // SHORT
      case 8:  // SSHORT
        return u16(entry + 8);
      case 4:  // LONG
      case 9:  // SLONG
        return u32(entry + 8);
      default:
        return 0;
    }
  }

 private:
  Bytes bytes_;
  bool little_endian_;
};

}  // namespace

int tiff_orientation(Bytes bytes) {
  constexpr std::size_t kEntryBytes = 12;
  constexpr std::uint32_t kOrientation = 0x0112;
  const Tiff tiff(bytes);
  if (!tiff.has(0, 8) || tiff.u16(2) != 42) return 1;
  const std::size_t directory = tiff.u32(4);
  if (!tiff.has(directory, 2)) return 1;
  const std::size_t entries = tiff.u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (!tiff.has(entry, kEntryBytes)) return 1;
    if (tiff.u16(entry) != kOrientation) continue;
    const std::uint32_t value = tiff.u32(entry + 4) == 1 ? tiff.integer(entry) : 0;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

int exif_orientation(Bytes segment) {
  constexpr std::string_view kMagic("Exif\0\0", 6);
  if (segment.size() < kMagic.size() || !std::equal(kMagic.begin(), kMagic.end(), segment.begin()))
    return 1;
  return tiff_orientation(segment.subspan(kMagic.size()));
}

Image apply_orientation(Image image, int orientation) {
  if (orientation == 1) return image;
  const bool swap = orientation >= 5;
  const bool flip_rows =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool flip_columns =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Image turned{swap ? image.width : image.height, swap ? image.height : image.width, {}};
  turned.warnings = std::move(image.warnings);
  turned.pixels.reserve(image.pixels.size());
  for (std::int64_t y = 0; y < turned.height; ++y)
    for (std::int64_t x = 0; x < turned.width; ++x) {
      const std::int64_t row = swap ? x : y, column = swap ? y : x;
      turned.pixels.push_back(image.at(flip_rows ? image.height - 1 - row : row,
                                       flip_columns ? image.width - 1 - column : column));
    }
  return turned;
}

}  // namespace osteon
