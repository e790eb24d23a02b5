// The samples of a DICOM image as they are stored. Source: DICOM PS3.3, C.7.6.3.1, and PS3.5,
// chapter 8.
#pragma once

#include <string>

#include "data/image/dicom_file.h"

namespace osteon {

// How the header describes a pixel.
struct DicomLayout {
  std::int64_t height = 0, width = 0;
  int samples = 1;         // per pixel: 1 or 3
  int bits_allocated = 8;  // per sample: 8 or 16
  int bits_stored = 8, high_bit = 7;
  bool is_signed = false;
  bool planes = false;  // one channel of all pixels after the other (planar configuration 1)
  std::string colours;  // the photometric interpretation
};

// Throws Error unless the header describes a single image of a supported kind.
DicomLayout read_layout(const DicomDataSet& data);

struct DicomSamples {
  int channels = 1;
  int word_bits = 8;           // size of a stored word, 8 or 16
  int bits = 8, high_bit = 7;  // number of its bits that are the sample, and the highest of them
  bool is_signed = false;
  std::vector<std::uint16_t> words;  // all channels of a pixel, then the next pixel
};

// The samples of an uncompressed image; only the luminance if the colours are YBR_FULL_422. Throws
// Error if the image is truncated.
DicomSamples unpack(const DicomFile& file, const DicomLayout& layout);

}  // namespace osteon
