// Converts palette indices to colours, and colours to grey.
#include "data/image/dicom_palette.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "data/image/dicom_levels.h"

namespace osteon {

std::vector<std::uint8_t> palette_levels(const DicomSamples& samples, const DicomDataSet& data) {
  OSTEON_CHECK(data.find(0x00281221) == nullptr || data.find(0x00281201) != nullptr,
               "a DICOM file with a segmented palette, which is not supported");
  constexpr DicomTag kDescriptors[] = {0x00281101, 0x00281102, 0x00281103};
  constexpr DicomTag kEntries[] = {0x00281201, 0x00281202, 0x00281203};
  std::vector<DicomLookupTable> tables;
  for (std::size_t i = 0; i < std::size(kEntries); ++i) {
    OSTEON_CHECK(data.find(kDescriptors[i]) != nullptr && data.find(kEntries[i]) != nullptr,
                 "a DICOM file in PALETTE COLOR without a palette");
    tables.push_back(read_lookup_table(data, kDescriptors[i], kEntries[i], samples.is_signed));
  }
  std::vector<std::uint8_t> level_of(std::size_t{1} << samples.bits);
  for (std::size_t value = 0; value < level_of.size(); ++value) {
    std::array<std::uint32_t, 3> colour{};
    for (std::size_t i = 0; i < colour.size(); ++i) {
      const std::uint32_t entry = tables[i](static_cast<double>(value));
      colour[i] = tables[i].bits > 8 ? entry >> (tables[i].bits - 8) : entry;
    }
    level_of[value] = luma(colour[0], colour[1], colour[2]);
  }
  std::vector<std::uint8_t> levels(samples.words.size());
  std::ranges::transform(samples.words, levels.begin(), [&](std::uint16_t word) {
    return level_of[word & (level_of.size() - 1)];
  });
  return levels;
}

}  // namespace osteon
