// Description of a DICOM file's image: the answer of the process that reads it with GDCM.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "data/image/decoders.h"

namespace osteon {

// Only numbers of fixed width, so that any bytes are valid values: a corrupted reader may leave
// anything here. decode_dicom checks them.
struct DicomPicture {
  enum Colour : std::int32_t { monochrome1, monochrome2, rgb, luminance_first };

  std::int64_t height = 0, width = 0;
  std::int32_t samples = 0;         // per pixel
  std::int32_t bits_allocated = 0;  // per sample, in memory
  std::int32_t bits_stored = 0;     // per sample, significant
  std::int32_t is_signed = 0;
  std::int32_t planes = 0;  // 1: all samples of one channel, then all of the next
  std::int32_t colour = 0;
  // From stored values to grey levels: rescaling, then a window if there is one.
  double slope = 1, intercept = 0, window_centre = 0, window_width = 0;
  std::int32_t has_window = 0;
};

// Reads `file` with GDCM and writes the decoded samples to the beginning of `samples`. Throws Error
// unless the file has a single image of a supported kind; some damaged files crash it. Call it
// through run_isolated only.
DicomPicture read_with_gdcm(Bytes file, std::span<std::byte> samples);

}  // namespace osteon
