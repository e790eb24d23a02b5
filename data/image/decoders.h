// Between read_image and the decoders of single formats. Both take the whole file and are strict:
// what a lenient decoder fills with grey or guesses is an Error here, so that a broken radiograph
// is never trained on. Messages do not name the file; read_image does.
#pragma once

#include <cstdint>
#include <span>

#include "data/image/image.h"

namespace osteon {

using Bytes = std::span<const std::uint8_t>;

// A picture may have this many pixels (8192 x 8192; the largest radiographs have some 25 million),
// so that a small file cannot ask for all memory.
constexpr std::int64_t kMaxPixels = std::int64_t{1} << 26;
// And a file this many bytes.
constexpr std::int64_t kMaxFileBytes = std::int64_t{1} << 28;

// Throws Error for a picture without pixels or with more than kMaxPixels.
void check_dimensions(std::int64_t height, std::int64_t width);

// ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L") rounds it.
constexpr std::uint8_t luma(std::uint32_t red, std::uint32_t green, std::uint32_t blue) {
  return static_cast<std::uint8_t>((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
}

// PNG of every colour type and bit depth, interlaced or not; alpha is ignored. 16-bit levels v
// become round(v / 257). Refuses a wrong chunk order, CRC-32 or Adler-32, an unknown critical
// chunk, missing or surplus picture data and a file without its end; bytes after the end are
// ignored. Source: W3C, Portable Network Graphics (PNG) Specification, second edition.
Image decode_png(Bytes file);

// 8-bit JPEG, grey or colour, baseline or progressive, turned as its EXIF orientation says. What
// libjpeg only warns of (a premature end, corrupt data) is refused, and so are CMYK and more than
// 500 scans.
Image decode_jpeg(Bytes file);

// DICOM: one frame, grey of 8 or 16 bits (MONOCHROME1 is turned round; rescale slope and intercept,
// then the first window, apply; without a window wider values are spread from the smallest to the
// largest) or colour of 3 x 8 bits, in every transfer syntax GDCM decodes: uncompressed, RLE, JPEG,
// lossless JPEG, JPEG-LS, JPEG 2000. Refuses what has no picture or several frames. GDCM works in a
// process of its own (data/image/isolated.h, and its limits), so that no file ends or corrupts this
// one. Source: DICOM PS3.3, C.7.6.3 and C.11.2.
Image decode_dicom(Bytes file);

// Throws Error unless every element of a DICOM file lies whole within it. Source: DICOM PS3.5, 7.
void check_dicom_structure(Bytes file);

// The orientation 1..8 in the contents of an APP1 segment ("Exif", 0, 0, TIFF header, IFD0); 1
// where there is none or the segment is damaged. Source: CIPA DC-008, Exif 2.32, 4.6.
int exif_orientation(Bytes segment);

// The picture as it is to be seen, given as an EXIF orientation: 2 mirrored, 3 upside down, 6 lying
// on its left side, and so on.
Image apply_orientation(Image image, int orientation);

}  // namespace osteon
