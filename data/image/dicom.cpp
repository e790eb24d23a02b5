// Reads DICOM radiographs in three steps: the structure of the file, its samples, their grey
// levels.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "data/image/decoders.h"
#include "data/image/dicom_compressed.h"
#include "data/image/dicom_levels.h"
#include "data/image/dicom_palette.h"

namespace osteon {
namespace {

bool is_colour(const DicomLayout& layout) {
  return layout.colours == "RGB" || layout.colours.starts_with("YBR");
}

// The luma of three channels, scaled to 8 bits; or the first channel if that is the luminance.
std::vector<std::uint8_t> colour_levels(const DicomSamples& samples, bool is_luminance_first) {
  const std::uint32_t most = (1U << samples.bits) - 1;
  const auto level = [&](std::uint16_t word) { return ((word & most) * 255 + most / 2) / most; };
  const auto channels = static_cast<std::size_t>(samples.channels);
  std::vector<std::uint8_t> levels(samples.words.size() / channels);
  const std::uint16_t* sample = samples.words.data();
  for (std::uint8_t& to : levels) {
    to = channels == 1 || is_luminance_first
             ? static_cast<std::uint8_t>(level(sample[0]))
             : luma(level(sample[0]), level(sample[1]), level(sample[2]));
    sample += channels;
  }
  return levels;
}

// The words of a compressed image have the number of bits of the stream; the header says which of
// them are the value.
void use_layout(const DicomLayout& layout, const DicomStream& stream, DicomSamples& samples) {
  samples.is_signed = layout.is_signed;
  samples.bits = std::min(stream.bits, layout.bits_stored);
  samples.high_bit = layout.high_bit < stream.bits ? layout.high_bit : samples.bits - 1;
}

Bytes joined(const std::vector<Bytes>& fragments, std::vector<std::uint8_t>& memory) {
  if (fragments.size() == 1) return fragments.front();
  for (const Bytes fragment : fragments)
    memory.insert(memory.end(), fragment.begin(), fragment.end());
  return memory;
}

struct Decoded {
  DicomSamples samples;
  bool is_luminance_first = false;
};

Decoded uncompressed(const DicomFile& file, const DicomLayout& layout) {
  OSTEON_CHECK((layout.samples == 3) == is_colour(layout), "a DICOM file with ", layout.samples,
               " samples per pixel in ", layout.colours);
  return {unpack(file, layout), layout.colours.starts_with("YBR_FULL")};
}

Decoded compressed(const DicomFile& file, const DicomLayout& layout,
                   std::vector<std::string>& warnings) {
  std::vector<std::uint8_t> memory;
  const Bytes bytes = joined(file.fragments, memory);
  const DicomStream stream = describe_stream(bytes, file.syntax, layout);
  Decoded decoded{{}, stream.is_luminance_first};
  if (stream.codec == DicomStream::Codec::jpeg) {
    Image image = decode_jpeg_frame(bytes, stream.is_luminance_first);
    warnings = std::move(image.warnings);
    decoded.samples.words.assign(image.pixels.begin(), image.pixels.end());
  } else if (stream.codec == DicomStream::Codec::rle) {
    decoded.samples = decode_rle(bytes, layout);
  } else {
    decoded.samples = decode_with_gdcm(bytes, stream, file.syntax);
  }
  use_layout(layout, stream, decoded.samples);
  return decoded;
}

}  // namespace

Image decode_dicom(Bytes bytes) {
  const DicomFile file = read_dicom_file(bytes);
  const DicomLayout layout = read_layout(file.data);
  Image image{layout.height, layout.width, {}};
  const auto [samples, is_luminance_first] = file.fragments.empty()
                                                 ? uncompressed(file, layout)
                                                 : compressed(file, layout, image.warnings);
  if (is_colour(layout) || samples.channels == 3)
    image.pixels = colour_levels(samples, is_luminance_first);
  else if (layout.colours == "PALETTE COLOR")
    image.pixels = palette_levels(samples, file.data);
  else
    image.pixels = grey_levels(samples, file.data, layout.colours, image.warnings);
  return image;
}

}  // namespace osteon
