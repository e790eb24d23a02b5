// A radiograph in memory, as 8-bit grey levels, and the steps to it: decode, orient, resize.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace osteon {

struct Image {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> pixels;        // height x width grey levels, row-major
  std::vector<std::string> warnings = {};  // faults of the file that read_image went over

  std::uint8_t at(std::int64_t y, std::int64_t x) const {
    return pixels[static_cast<std::size_t>(y * width + x)];
  }
};

// The same in colour: red, green, blue of each pixel in turn.
struct ColourImage {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> pixels;
};

enum class Fit {
  stretch,  // scales both sides independently, as the MURA paper
  pad,      // keeps the aspect ratio; centred on black
};

// "stretch" or "pad", and back; throws UsageError for another name.
const char* fit_name(Fit fit);
Fit fit_from_name(const std::string& name);

// Decodes a PNG (8 or 16 bit, grey, RGB, palette, alpha ignored), a baseline or progressive JPEG
// (grey, colour or CMYK) or a DICOM file; EXIF orientation is applied. Colour becomes grey by the
// ITU-R 601 luma, rounded as Pillow's convert("L"). Throws Error naming the path if the file is
// missing, empty, of another format, too large or damaged so that pixels are missing or wrong.
Image read_image(const std::filesystem::path& path);

// Whether a file starts like one of these formats, whatever its name. Reads a few bytes.
bool starts_like_image(const std::filesystem::path& path);

// Antialiased resizing with a triangle filter; equals Pillow's Image.resize(BILINEAR) to one grey
// level.
Image resize(const Image& image, std::int64_t height, std::int64_t width);

// A square image of the given side.
Image fit_image(const Image& image, std::int64_t size, Fit fit);

// Writes an 8-bit grey PNG; throws Error naming the path if it cannot be written.
void write_png(const std::filesystem::path& path, const Image& image);
// The same in colour.
void write_png(const std::filesystem::path& path, const ColourImage& image);

// The bytes of a JPEG file; quality is libjpeg's, 1 to 100.
std::string encode_jpeg(const ColourImage& image, int quality);

}  // namespace osteon
