// The decoders of single formats, which read_image calls. They take the whole file and are strict:
// they throw Error in cases in which a lenient decoder would invent missing pixels, so that
// training never uses an incomplete radiograph. A fault that leaves the pixels complete becomes a
// warning in Image::warnings. Messages do not name the file; read_image adds its path.
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
// is ignored. 16-bit levels v become round(v / 257). Throws Error for a wrong order of chunks, a
// wrong CRC-32 before the image data, wrong or missing image data, an unknown interlacing, and a
// missing or wrong palette. Other faults are warnings: wrong checksums of complete image data,
// surplus image data, an unknown critical chunk, a missing end chunk, colours outside the palette
// (they become black). Source: W3C, Portable Network Graphics (PNG) Specification, second edition.
Image decode_png(Bytes file);

// 8-bit JPEG, grey, colour or CMYK, baseline or progressive, oriented as EXIF says. libjpeg's
// warnings become warnings of the image. Throws Error for missing image data, about which libjpeg
// only warns, and for more than 500 scans.
Image decode_jpeg(Bytes file);

// The same for a JPEG stream inside another file; EXIF is ignored. Three channels are YCbCr if
// `is_luminance_first`, otherwise RGB.
Image decode_jpeg_frame(Bytes stream, bool is_luminance_first);

// DICOM: one frame, with the grey levels that the standard defines (data/image/dicom_levels.h).
// Uncompressed and deflated files, RLE and 8-bit JPEG are always supported; lossless JPEG, 12-bit
// JPEG, JPEG-LS and JPEG 2000 only if the build has GDCM (data/image/dicom_compressed.h). Throws
// Error for a file without an image or with several frames. Source: DICOM PS3.3, C.7.6.3, C.11.1
// and C.11.2.
Image decode_dicom(Bytes file);

// The orientation 1..8 in the contents of an APP1 segment of JPEG ("Exif", 0, 0, TIFF header,
// IFD0); 1 if there is none or the segment is damaged. Source: CIPA DC-008, Exif 2.32, 4.6.
int exif_orientation(Bytes segment);

// The same for bytes that begin with the TIFF header, as in a PNG's eXIf chunk.
int tiff_orientation(Bytes tiff);

// The upright image for an EXIF orientation: 2 mirrored, 3 upside down, 6 rotated by 90 degrees,
// and so on.
Image apply_orientation(Image image, int orientation);

}  // namespace osteon
