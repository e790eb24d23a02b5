// The decoders of single formats, which read_image calls. They take the whole file and are strict:
// if a lenient decoder would fill in grey or guess, these throw Error, so that training never sees
// a damaged radiograph. Messages do not name the file; read_image does.
#pragma once

#include <cstdint>
#include <span>

#include "data/image/image.h"

namespace osteon {

using Bytes = std::span<const std::uint8_t>;

// Maximum number of pixels of an image (8192 x 8192; the largest radiographs have some 25 million),
// so that a small file cannot demand all memory.
constexpr std::int64_t kMaxPixels = std::int64_t{1} << 26;
// Maximum size of an image file.
constexpr std::int64_t kMaxFileBytes = std::int64_t{1} << 28;

// Throws Error for an image without pixels or with more than kMaxPixels.
void check_dimensions(std::int64_t height, std::int64_t width);

// ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L") rounds it.
constexpr std::uint8_t luma(std::uint32_t red, std::uint32_t green, std::uint32_t blue) {
  return static_cast<std::uint8_t>((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
}

// PNG of every colour type and bit depth, interlaced or not; alpha is ignored. 16-bit levels v
// become round(v / 257). Refuses a wrong chunk order, CRC-32 or Adler-32, an unknown critical
// chunk, missing or surplus image data and a file without an end chunk; bytes after the end are
// ignored. Source: W3C, Portable Network Graphics (PNG) Specification, second edition.
Image decode_png(Bytes file);

// 8-bit JPEG, grey or colour, baseline or progressive, oriented as EXIF says. Errors include
// libjpeg's warnings (a premature end, corrupt data), CMYK and more than 500 scans.
Image decode_jpeg(Bytes file);

// DICOM: one frame, in every transfer syntax that GDCM decodes: uncompressed, RLE, JPEG, lossless
// JPEG, JPEG-LS, JPEG 2000. Grey has 8 or 16 bits (MONOCHROME1 is inverted; rescale slope and
// intercept, then the first window, apply; without a window, values of more than 8 bits are scaled
// from the smallest to the largest); colour has 3 x 8 bits. Refuses a file without an image or with
// several frames. GDCM runs in a separate process (data/image/isolated.h, with its limits), so that
// no file can end or corrupt this one. Source: DICOM PS3.3, C.7.6.3 and C.11.2.
Image decode_dicom(Bytes file);

// Throws Error unless every element of a DICOM file lies completely within it. Source: DICOM PS3.5,
// 7.
void check_dicom_structure(Bytes file);

// The orientation 1..8 in the contents of an APP1 segment ("Exif", 0, 0, TIFF header, IFD0); 1 if
// there is none or the segment is damaged. Source: CIPA DC-008, Exif 2.32, 4.6.
int exif_orientation(Bytes segment);

// The upright image for an EXIF orientation: 2 mirrored, 3 upside down, 6 rotated by 90 degrees,
// and so on.
Image apply_orientation(Image image, int orientation);

}  // namespace osteon
