// What a DICOM file says about its picture: the answer of the process that reads it with GDCM.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "data/image/decoders.h"

namespace osteon {

// Numbers only, of fixed width, so that any bytes are a value: a reader that went wrong may leave
// anything here. Checked by decode_dicom.
struct DicomPicture {
  enum Colour : std::int32_t { monochrome1, monochrome2, rgb, luminance_first };

  std::int64_t height = 0, width = 0;
  std::int32_t samples = 0;         // of a pixel
  std::int32_t bits_allocated = 0;  // of a sample, in memory
  std::int32_t bits_stored = 0;     // of a sample, that mean something
  std::int32_t is_signed = 0;
  std::int32_t planes = 0;  // all of one channel, then all of the next
  std::int32_t colour = 0;
  // How stored values become grey levels: rescaling, then a window if there is one.
  double slope = 1, intercept = 0, window_centre = 0, window_width = 0;
  std::int32_t has_window = 0;
};

// Reads `file` with GDCM; the decoded samples go to the beginning of `samples`. Throws Error for
// what is no single picture of a kind that is read, and does worse to some damaged files: to be
// called through run_isolated only.
DicomPicture read_with_gdcm(Bytes file, std::span<std::byte> samples);

}  // namespace osteon
