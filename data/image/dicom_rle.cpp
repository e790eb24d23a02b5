// RLE compression of DICOM: one segment of runs for each byte of each channel. Source: DICOM PS3.5,
// annex G.
#include <algorithm>

#include "base/error.h"
#include "data/image/dicom_compressed.h"

namespace osteon {
namespace {

constexpr std::size_t kHeaderBytes = 64;

std::size_t little_endian(Bytes bytes) {
  return bytes[0] | std::size_t{bytes[1]} << 8 | std::size_t{bytes[2]} << 16 |
         std::size_t{bytes[3]} << 24;
}

// Decodes the first `count` bytes of a segment and calls put(i, byte) for byte i.
template <class Put>
void read_runs(Bytes segment, std::size_t count, const Put& put) {
  std::size_t done = 0;
  for (std::size_t at = 0; done < count;) {
    OSTEON_CHECK(at < segment.size(), "a DICOM file whose image is truncated");
    const std::size_t n = segment[at++];
    if (n == 128) continue;  // no operation
    const bool is_run = n > 128;
    const std::size_t length = std::min(is_run ? 257 - n : n + 1, count - done);
    const std::size_t taken = is_run ? 1 : length;
    OSTEON_CHECK(taken <= segment.size() - at, "a DICOM file whose image is truncated");
    for (std::size_t i = 0; i < length; ++i) put(done++, segment[is_run ? at : at + i]);
    at += taken;
  }
}

}  // namespace

DicomSamples decode_rle(Bytes stream, const DicomLayout& layout) {
  const auto channels = static_cast<std::size_t>(layout.samples);
  const auto bytes_each = static_cast<std::size_t>(layout.bits_allocated / 8);
  OSTEON_CHECK(stream.size() >= kHeaderBytes && little_endian(stream) == channels * bytes_each,
               "a damaged DICOM file: its image does not have ", channels * bytes_each,
               " segments");
  DicomSamples samples{.channels = layout.samples,
                       .word_bits = layout.bits_allocated,
                       .bits = layout.bits_allocated,
                       .high_bit = layout.bits_allocated - 1,
                       .words = {}};
  const auto pixels = static_cast<std::size_t>(layout.height * layout.width);
  samples.words.resize(pixels * channels);
  for (std::size_t i = 0; i < channels * bytes_each; ++i) {
    const std::size_t start = little_endian(stream.subspan(4 + 4 * i, 4));
    OSTEON_CHECK(start >= kHeaderBytes && start <= stream.size(), "a damaged DICOM file");
    const std::size_t channel = i / bytes_each;
    const std::size_t shift = 8 * (bytes_each - 1 - i % bytes_each);  // high bytes come first
    read_runs(stream.subspan(start), pixels, [&](std::size_t pixel, std::uint8_t byte) {
      std::uint16_t& word = samples.words[pixel * channels + channel];
      word = static_cast<std::uint16_t>(word | byte << shift);
    });
  }
  return samples;
}

}  // namespace osteon
