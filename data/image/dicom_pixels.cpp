// Checks the header of a DICOM image and unpacks uncompressed samples.
#include "data/image/dicom_pixels.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace osteon {
namespace {

constexpr DicomTag kPixelData = 0x7FE00010;

constexpr std::array<std::string_view, 8> kColours = {"MONOCHROME1", "MONOCHROME2",  "RGB",
                                                      "YBR_FULL",    "YBR_FULL_422", "YBR_RCT",
                                                      "YBR_ICT",     "PALETTE COLOR"};

// Writes sample place(i) of `bytes` to word i. Samples are bytes, or words in the file's byte
// order.
template <class Place>
void read_words(Bytes bytes, int bits_allocated, bool is_big_endian, std::vector<std::uint16_t>& to,
                Place place) {
  const std::size_t low = is_big_endian ? 1 : 0, high = 1 - low;
  if (bits_allocated == 8)
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = bytes[place(i)];
  else
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::size_t at = 2 * place(i);
      to[i] = static_cast<std::uint16_t>(bytes[at + low] | bytes[at + high] << 8);
    }
}

// If 8-bit samples are stored in big-endian words: the bytes in the order of the pixels; else
// nothing. Source: PS3.5, 7.3 and 8.1.2.
std::vector<std::uint8_t> bytes_in_order(const DicomFile& file, const DicomLayout& layout) {
  if (layout.bits_allocated != 8 || !file.data.is_big_endian ||
      file.data.find(kPixelData)->representation != "OW")
    return {};
  std::vector<std::uint8_t> bytes(file.pixels.begin(), file.pixels.end());
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) std::swap(bytes[i], bytes[i + 1]);
  return bytes;
}

}  // namespace

DicomLayout read_layout(const DicomDataSet& data) {
  OSTEON_CHECK(data.find(kPixelData) != nullptr, "a DICOM file without an image");
  const double frames = data.decimal(0x00280008).value_or(1);
  OSTEON_CHECK(frames <= 1, "a DICOM file with ", frames, " frames; only one is supported");
  DicomLayout layout;
  layout.height = data.word(0x00280010).value_or(0);
  layout.width = data.word(0x00280011).value_or(0);
  check_dimensions(layout.height, layout.width);
  layout.samples = data.word(0x00280002).value_or(1);
  layout.bits_allocated = data.word(0x00280100).value_or(0);
  layout.bits_stored = data.word(0x00280101).value_or(data.word(0x00280100).value_or(0));
  const int usual_high_bit = layout.bits_stored - 1;
  const std::optional<std::uint16_t> high_bit = data.word(0x00280102);
  layout.high_bit = high_bit ? *high_bit : usual_high_bit;
  const int is_signed = data.word(0x00280103).value_or(0),
            planes = data.word(0x00280006).value_or(0);
  layout.is_signed = is_signed == 1;
  layout.planes = planes == 1;
  OSTEON_CHECK((layout.samples == 1 || layout.samples == 3) &&
                   (layout.bits_allocated == 8 || layout.bits_allocated == 16) &&
                   layout.bits_stored >= 1 && layout.bits_stored <= layout.bits_allocated &&
                   layout.high_bit >= usual_high_bit && layout.high_bit < layout.bits_allocated &&
                   is_signed <= 1 && planes <= 1,
               "a DICOM file with ", layout.samples, " samples per pixel, each stored in ",
               layout.bits_stored, " of ", layout.bits_allocated, " bits up to bit ",
               layout.high_bit, "; supported are 1 or 3 samples of 8 or 16 bits");
  layout.colours = data.text(0x00280004);
  OSTEON_CHECK(std::ranges::find(kColours, layout.colours) != kColours.end(),
               "a DICOM file whose photometric interpretation is ",
               layout.colours.empty() ? "empty" : layout.colours,
               "; supported are grey, RGB, YBR_FULL and PALETTE COLOR");
  return layout;
}

DicomSamples unpack(const DicomFile& file, const DicomLayout& layout) {
  DicomSamples samples{.channels = layout.samples,
                       .word_bits = layout.bits_allocated,
                       .bits = layout.bits_stored,
                       .high_bit = layout.high_bit,
                       .is_signed = layout.is_signed,
                       .words = {}};
  const auto pixels = static_cast<std::size_t>(layout.height * layout.width);
  const std::size_t total = pixels * static_cast<std::size_t>(layout.samples);
  const auto bytes_each = static_cast<std::size_t>(layout.bits_allocated / 8);
  // Two pixels share their colour differences: Y1 Y2 Cb Cr. Some files store all three samples of
  // each pixel, although they say YBR_FULL_422.
  const bool pairs = layout.colours == "YBR_FULL_422" && file.pixels.size() < total * bytes_each;
  const std::size_t expected = pairs ? (pixels + 1) / 2 * 4 : total;
  OSTEON_CHECK(file.pixels.size() >= expected * bytes_each,
               "a DICOM file whose image is truncated");
  const std::vector<std::uint8_t> in_order = bytes_in_order(file, layout);
  const Bytes bytes = in_order.empty() ? file.pixels : Bytes(in_order);
  const auto read = [&](const auto& place) {
    read_words(bytes, layout.bits_allocated, file.data.is_big_endian, samples.words, place);
  };
  samples.words.resize(pairs ? pixels : total);
  if (pairs) {
    samples.channels = 1;
    read([](std::size_t i) { return i / 2 * 4 + i % 2; });
  } else if (layout.samples == 3 && layout.planes) {
    read([pixels](std::size_t i) { return i % 3 * pixels + i / 3; });
  } else {
    read([](std::size_t i) { return i; });
  }
  return samples;
}

}  // namespace osteon
