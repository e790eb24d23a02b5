// From stored values to grey levels: the grayscale transformations of DICOM. Source: DICOM PS3.3,
// C.11.1 (modality), C.11.2 (values of interest), C.7.6.3.1.2 (photometric interpretation).
#pragma once

#include <string>
#include <vector>

#include "data/image/dicom_pixels.h"

namespace osteon {

// A lookup table: entry i belongs to the value first + i; values beyond its ends get the entry
// there. Source: C.11.1.1.1, C.11.2.1.1.
struct DicomLookupTable {
  int first = 0;
  int bits = 16;  // entries are 0 to 2^bits - 1
  std::vector<std::uint16_t> entries;

  std::uint16_t operator()(double value) const;
};

// Reads a table from its descriptor and its data. Throws Error if it is damaged.
DicomLookupTable read_lookup_table(const DicomDataSet& data, DicomTag descriptor, DicomTag entries,
                                   bool is_signed);

// The grey level of each pixel of a grey image, from the values in one channel:
//
// * Modality LUT, or rescale slope and intercept.
// * VOI LUT, which is preferred to a window; or the first window, with its function. Without both,
//   unsigned values of 8 bits that are not rescaled are levels already; other values are scaled
//   from the smallest to the largest of the image.
// * Inverted once if the image is MONOCHROME1 or its Presentation LUT Shape is INVERSE, which
//   belong together (C.8.11.3.1).
//
// Pixels that are padding (C.7.5.1.1.2) are black and do not count for smallest and largest.
// Appends to `warnings` what cannot be meant so.
std::vector<std::uint8_t> grey_levels(const DicomSamples& samples, const DicomDataSet& data,
                                      const std::string& colours,
                                      std::vector<std::string>& warnings);

}  // namespace osteon
