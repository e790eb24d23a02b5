// Converts stored values to grey levels: the grayscale transformations of DICOM. Source: DICOM
// PS3.3, C.11.1 (modality), C.11.2 (values of interest), C.7.6.3.1.2 (photometric interpretation).
#pragma once

#include <string>
#include <vector>

#include "data/image/dicom_pixels.h"

namespace osteon {

// A lookup table: entry i belongs to the value first + i. Smaller values get the first entry,
// larger values the last one. Source: C.11.1.1.1, C.11.2.1.1.
struct DicomLookupTable {
  int first = 0;
  int bits = 16;  // entries are 0 to 2^bits - 1
  std::vector<std::uint16_t> entries;

  std::uint16_t operator()(double value) const;
};

// Reads a table from the elements with its descriptor and its entries. `is_signed` applies if the
// file does not say whether `first` is signed. Throws Error if the table is damaged.
DicomLookupTable read_lookup_table(const DicomDataSet& data, DicomTag descriptor, DicomTag entries,
                                   bool is_signed);

// The grey level of each pixel of a grey image, from the values in one channel:
//
// 1. The modality LUT is applied, or rescale slope and intercept.
// 2. The VOI LUT is applied if there is one, else the first window with its function. Without both,
//    unsigned 8-bit values that are not rescaled are grey levels already; other values are scaled
//    so that the smallest one of the image becomes 0 and the largest one 255.
// 3. Levels are inverted (once) if the image is MONOCHROME1 or its Presentation LUT Shape is
//    INVERSE; the standard requires both together (C.8.11.3.1).
//
// Padding pixels (C.7.5.1.1.2) become black and are not counted as smallest or largest value.
// Appends to `warnings` attributes that contradict each other or make no sense.
std::vector<std::uint8_t> grey_levels(const DicomSamples& samples, const DicomDataSet& data,
                                      const std::string& colours,
                                      std::vector<std::string>& warnings);

}  // namespace osteon
