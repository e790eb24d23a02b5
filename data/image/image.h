// A radiograph in memory, as 8-bit grey levels, and the functions that make it: decode, orient,
// resize.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace osteon {

struct Image {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> pixels;        // height x width grey levels, row-major
  std::vector<std::string> warnings = {};  // faults of the file that do not prevent reading it

  std::uint8_t at(std::int64_t y, std::int64_t x) const {
    return pixels[static_cast<std::size_t>(y * width + x)];
  }
};

// An image in colour: red, green and blue of each pixel, row-major.
struct ColourImage {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> pixels;
};

enum class Fit {
  stretch,  // scales both sides independently, as in the MURA paper
  pad,      // keeps the aspect ratio; centred on black
};

// "stretch" or "pad", and back; throws UsageError for another name.
const char* fit_name(Fit fit);
Fit fit_from_name(const std::string& name);

// Decodes a PNG (of every colour type; alpha is ignored), a baseline or progressive JPEG (grey,
// colour or CMYK) or a DICOM file; EXIF orientation is applied. Colour becomes grey by the ITU-R
// 601 luma, rounded as by Pillow's convert("L"). Throws Error naming the path if the file is
// missing, empty, of another format, too large, or damaged so that pixels are missing or wrong.
Image read_image(const std::filesystem::path& path);

// Whether the first bytes of a file are those of one of these formats; its name does not matter.
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
