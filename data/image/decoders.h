// The decoders of single formats, which read_image calls. They take the whole file and are strict:
// if a lenient decoder would fill in missing pixels, these throw Error, so that training never sees
// half a radiograph. A fault that leaves the picture complete is a warning of the image. Messages
// do not name the file; read_image does.
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

// PNG of every colour type and bit depth, interlaced or not, oriented as its eXIf chunk says; alpha
// is ignored. 16-bit levels v become round(v / 257). Refuses a wrong chunk order, a wrong CRC-32
// before the image data, wrong or missing image data and an unknown interlacing or palette. Faults
// that do not concern the pixels are warnings: wrong checksums of complete image data, surplus
// image data, an unknown critical chunk, a missing end chunk, colours outside the palette (black).
// Source: W3C, Portable Network Graphics (PNG) Specification, second edition.
Image decode_png(Bytes file);

// 8-bit JPEG, grey, colour or CMYK, baseline or progressive, oriented as EXIF says. What libjpeg
// warns of is a warning, except for missing image data, which is an error; so are more than 500
// scans.
Image decode_jpeg(Bytes file);

// The same for a stream inside another file, without EXIF: three channels are YCbCr or RGB as the
// caller says.
Image decode_jpeg_frame(Bytes stream, bool is_luminance_first);

// DICOM: one frame, shown as the standard says (data/image/dicom_levels.h). Uncompressed and
// deflated files, RLE and JPEG of 8 bits are read here; lossless JPEG, JPEG of 12 bits, JPEG-LS and
// JPEG 2000 if the build has GDCM (data/image/dicom_compressed.h). Refuses a file without an image
// or with several frames. Source: DICOM PS3.3, C.7.6.3, C.11.1 and C.11.2.
Image decode_dicom(Bytes file);

// The orientation 1..8 in the contents of an APP1 segment of JPEG ("Exif", 0, 0, TIFF header,
// IFD0); 1 if there is none or the segment is damaged. Source: CIPA DC-008, Exif 2.32, 4.6.
int exif_orientation(Bytes segment);

// The same from the TIFF header on, as in a PNG's eXIf chunk.
int tiff_orientation(Bytes tiff);

// The upright image for an EXIF orientation: 2 mirrored, 3 upside down, 6 rotated by 90 degrees,
// and so on.
Image apply_orientation(Image image, int orientation);

}  // namespace osteon
