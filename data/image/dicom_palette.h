// Images whose values are indices into a palette of colours. Source: DICOM PS3.3, C.7.6.3.1.5,
// C.7.6.3.1.6 and C.7.9.
#pragma once

#include <vector>

#include "data/image/dicom_pixels.h"

namespace osteon {

// The luma of the colour of each pixel. Throws Error for a damaged palette and for a segmented one.
std::vector<std::uint8_t> palette_levels(const DicomSamples& samples, const DicomDataSet& data);

}  // namespace osteon
