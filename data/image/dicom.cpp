// DICOM radiographs. Debian's GDCM is built with assertions, and its decoders access memory out of
// bounds on some damaged images, so it runs in a separate process. Here the result of that process
// is checked and becomes grey levels.
#include <algorithm>

#include "base/error.h"
#include "data/image/decoders.h"

#ifdef OSTEON_HAS_GDCM
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "data/image/dicom_picture.h"
#include "data/image/isolated.h"
#endif

namespace osteon {

#ifndef OSTEON_HAS_GDCM

Image decode_dicom(Bytes) {
  throw Error("is a DICOM file, which this build does not read (install GDCM and configure again)");
}

#else

namespace {

// The header of the shared memory; the samples follow.
struct alignas(64) Answer {
  DicomPicture picture;
  char reason[256];       // why there is no image
  std::int32_t complete;  // written last: 1 with an image, 2 with a reason
};

constexpr std::size_t kMaxSampleBytes = std::size_t{3} * kMaxPixels;  // colour of 8 bits

// The linear function of PS3.3, C.11.2.1.2.1, 0 to 1.
double through_window(double value, const DicomPicture& picture) {
  const double centre = picture.window_centre, width = picture.window_width;
  if (width == 1) return value > centre - 0.5 ? 1 : 0;
  return std::clamp((value - (centre - 0.5)) / (width - 1) + 0.5, 0.0, 1.0);
}

// Grey levels of stored values. Without a window, 8-bit values are grey levels already, and wider
// values are scaled from the smallest to the largest of the image.
template <class Stored>
void to_levels(const std::byte* samples, const DicomPicture& picture,
               std::vector<std::uint8_t>& levels) {
  const auto* stored = reinterpret_cast<const Stored*>(samples);
  const auto value = [&](std::size_t i) {
    return picture.slope * static_cast<double>(stored[i]) + picture.intercept;
  };
  double low = std::numeric_limits<double>::max(), high = std::numeric_limits<double>::lowest();
  for (std::size_t i = 0; i < levels.size(); ++i) {
    low = std::min(low, value(i));
    high = std::max(high, value(i));
  }
  const bool is_level = picture.bits_stored == 8 && picture.is_signed == 0;
  const bool inverted = picture.colour == DicomPicture::monochrome1;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    double level = 0;
    if (picture.has_window != 0)
      level = through_window(value(i), picture);
    else if (is_level)
      level = std::clamp(value(i) / 255, 0.0, 1.0);
    else if (high > low)
      level = (value(i) - low) / (high - low);
    levels[i] = static_cast<std::uint8_t>(std::lround(255 * (inverted ? 1 - level : level)));
  }
}

void decode_grey(const std::byte* samples, const DicomPicture& picture,
                 std::vector<std::uint8_t>& levels) {
  if (picture.bits_allocated == 8)
    picture.is_signed != 0 ? to_levels<std::int8_t>(samples, picture, levels)
                           : to_levels<std::uint8_t>(samples, picture, levels);
  else
    picture.is_signed != 0 ? to_levels<std::int16_t>(samples, picture, levels)
                           : to_levels<std::uint16_t>(samples, picture, levels);
}

void decode_colour(const std::byte* samples, const DicomPicture& picture,
                   std::vector<std::uint8_t>& levels) {
  const std::size_t pixels = levels.size();
  const auto sample = [&](std::size_t pixel, std::size_t channel) {
    return static_cast<std::uint8_t>(
        samples[picture.planes != 0 ? channel * pixels + pixel : pixel * 3 + channel]);
  };
  // Only the luminance of luminance and two colour differences is used.
  const bool luminance = picture.colour == DicomPicture::luminance_first;
  for (std::size_t i = 0; i < pixels; ++i)
    levels[i] = luminance ? sample(i, 0) : luma(sample(i, 0), sample(i, 1), sample(i, 2));
}

// Checks all values that determine the grey levels; the samples may be any bytes.
void check_answer(const DicomPicture& picture) {
  check_dimensions(picture.height, picture.width);
  const bool is_grey =
      picture.colour == DicomPicture::monochrome1 || picture.colour == DicomPicture::monochrome2;
  OSTEON_CHECK(is_grey ? picture.samples == 1 &&
                             (picture.bits_allocated == 8 || picture.bits_allocated == 16)
                       : picture.samples == 3 && picture.bits_allocated == 8,
               "a damaged DICOM file");
  // Their products with 16-bit values must be finite, too.
  constexpr double kMaxMagnitude = 1e100;
  for (const double number :
       {picture.slope, picture.intercept, picture.window_centre, picture.window_width})
    OSTEON_CHECK(std::abs(number) <= kMaxMagnitude, "a damaged DICOM file");
  OSTEON_CHECK(picture.has_window == 0 || picture.window_width >= 1, "a damaged DICOM file");
}

// The work of the other process.
void answer(Bytes file, SharedMemory& memory) {
  auto* const answer = reinterpret_cast<Answer*>(memory.data());
  try {
    answer->picture = read_with_gdcm(file, {memory.data() + sizeof(Answer), kMaxSampleBytes});
    answer->complete = 1;
  } catch (const Error& error) {
    std::strncpy(answer->reason, error.what(), sizeof answer->reason - 1);
    answer->complete = 2;
  }  // other exceptions give no reason: GDCM's texts may quote the file
}

// The reason, safe to print on a terminal whatever its bytes are.
std::string text_of(const char* bytes, std::size_t most) {
  std::string text(bytes, ::strnlen(bytes, most));
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

}  // namespace

Image decode_dicom(Bytes file) {
  check_dicom_structure(file);
  SharedMemory memory(sizeof(Answer) + kMaxSampleBytes);
  const std::string ended = run_isolated({}, [&] { answer(file, memory); });
  Answer found{};
  std::memcpy(static_cast<void*>(&found), memory.data(), sizeof found);
  if (ended.empty() && found.complete == 2) throw Error(text_of(found.reason, sizeof found.reason));
  OSTEON_CHECK(ended.empty() && found.complete == 1, "a damaged DICOM file (its decoder ended by ",
               ended.empty() ? "an exit" : ended, ")");
  const DicomPicture& picture = found.picture;
  check_answer(picture);

  Image image{picture.height, picture.width, {}};
  image.pixels.resize(static_cast<std::size_t>(image.height * image.width));
  const std::byte* const samples = memory.data() + sizeof(Answer);
  picture.samples == 1 ? decode_grey(samples, picture, image.pixels)
                       : decode_colour(samples, picture, image.pixels);
  return image;
}

#endif

}  // namespace osteon
