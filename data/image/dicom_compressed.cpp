// Reads the headers of compressed streams, and checks the samples that GDCM's process returns.
#include "data/image/dicom_compressed.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "data/image/isolated.h"

namespace osteon {
namespace {

using Codec = DicomStream::Codec;

std::size_t big_endian(Bytes bytes) {
  std::size_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

bool starts_with(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

// The marker segments of a JPEG or JPEG-LS stream, up to the header of the frame (SOF). Source:
// ITU-T T.81, B.2; T.87, C.
struct JpegHeader {
  int frame = -1;  // the second byte of its marker
  Bytes frame_header;
  bool is_jfif = false;
  int adobe_transform = -1;
};

JpegHeader read_jpeg_header(Bytes stream) {
  JpegHeader header;
  for (std::size_t at = 2; at + 4 <= stream.size();) {
    if (stream[at] != 0xFF || stream[at + 1] == 0xFF) {  // fill bytes
      ++at;
      continue;
    }
    const int marker = stream[at + 1];
    const std::size_t length = big_endian(stream.subspan(at + 2, 2));
    if (length < 2 || length > stream.size() - at - 2) break;
    const Bytes segment = stream.subspan(at + 4, length - 2);
    if (marker == 0xE0 && starts_with(segment, std::string_view("JFIF\0", 5)))
      header.is_jfif = true;
    if (marker == 0xEE && starts_with(segment, "Adobe") && segment.size() >= 12)
      header.adobe_transform = segment[11];
    const bool is_table = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
    if ((marker >= 0xC0 && marker <= 0xCF && !is_table) || marker == 0xF7) {
      header.frame = marker;
      header.frame_header = segment;
      break;
    }
    at += 2 + length;
  }
  return header;
}

// Whether colours are YCbCr. The stream shows it by a JFIF marker, by Adobe's marker, or by the
// names of its components; without these, the DICOM header decides. Source: ITU-T T.871, 6.1;
// T.872, 6.5.3.
bool is_luminance_first(const JpegHeader& header, const DicomLayout& layout) {
  if (header.is_jfif) return true;
  if (header.adobe_transform >= 0) return header.adobe_transform != 0;
  if (header.frame_header.size() >= 15 && header.frame_header[6] == 'R' &&
      header.frame_header[9] == 'G' && header.frame_header[12] == 'B')
    return false;
  return layout.colours.starts_with("YBR");
}

bool describe_jpeg(Bytes stream, const DicomLayout& layout, DicomStream& found) {
  const JpegHeader header = read_jpeg_header(stream);
  if (header.frame_header.size() < 6) return false;
  found.bits = header.frame_header[0];
  found.height = static_cast<std::int64_t>(big_endian(header.frame_header.subspan(1, 2)));
  found.width = static_cast<std::int64_t>(big_endian(header.frame_header.subspan(3, 2)));
  found.channels = header.frame_header[5];
  found.is_luminance_first = is_luminance_first(header, layout);
  const bool is_lossless = header.frame == 0xC3;
  found.codec = header.frame == 0xF7              ? Codec::jpeg_ls
                : found.bits == 8 && !is_lossless ? Codec::jpeg
                                                  : Codec::jpeg_of_gdcm;
  // GDCM reads sequential (extended) and lossless frames. Source: ITU-T T.81, table B.1.
  return found.codec != Codec::jpeg_of_gdcm || header.frame <= 0xC3;
}

// Source: ITU-T T.800, A.5.1 (SIZ) and A.6.1 (COD).
bool describe_jpeg_2000(Bytes stream, const DicomLayout& layout, DicomStream& found) {
  constexpr std::string_view kStart = "\xFF\x4F\xFF\x51";
  const auto start =
      std::search(stream.begin(), stream.end(), kStart.begin(), kStart.end(),
                  [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
  const Bytes code = stream.subspan(static_cast<std::size_t>(start - stream.begin()));
  if (code.size() < 43) return false;
  const auto side = [&](std::size_t end, std::size_t offset) {
    return static_cast<std::int64_t>(big_endian(code.subspan(end, 4))) -
           static_cast<std::int64_t>(big_endian(code.subspan(offset, 4)));
  };
  found.codec = Codec::jpeg_2000;
  found.width = side(8, 16);
  found.height = side(12, 20);
  found.channels = static_cast<int>(big_endian(code.subspan(40, 2)));
  found.bits = (code[42] & 0x7F) + 1;
  found.is_signed = (code[42] & 0x80) != 0;
  bool is_transformed = false;  // if true, the codec returns RGB
  for (std::size_t at = 4 + big_endian(code.subspan(4, 2));
       at + 9 <= code.size() && code[at] == 0xFF; at += 2 + big_endian(code.subspan(at + 2, 2)))
    if (code[at + 1] == 0x52) {
      is_transformed = code[at + 8] != 0;
      break;
    }
  found.is_luminance_first =
      !is_transformed && (layout.colours == "YBR_FULL" || layout.colours == "YBR_FULL_422");
  return true;
}

bool describe_rle(const DicomLayout& layout, DicomStream& found) {
  found = {.codec = Codec::rle,
           .height = layout.height,
           .width = layout.width,
           .channels = layout.samples,
           .bits = layout.bits_allocated,
           .is_signed = false,
           .is_luminance_first = layout.colours.starts_with("YBR_FULL")};
  return true;
}

#ifdef OSTEON_HAS_GDCM

// The beginning of the shared memory; the samples follow.
struct alignas(64) ResultHeader {
  std::int32_t complete;  // 1 if all samples were decoded
};

DicomSamples decode_isolated(Bytes stream, const DicomStream& description,
                             const std::string& syntax) {
  const std::size_t count = static_cast<std::size_t>(description.height * description.width) *
                            static_cast<std::size_t>(description.channels);
  const bool are_bytes = description.bits <= 8;
  SharedMemory memory(sizeof(ResultHeader) + count * (are_bytes ? 1 : 2));
  const std::span samples(memory.data() + sizeof(ResultHeader),
                          memory.size() - sizeof(ResultHeader));
  const std::string ended = run_isolated({}, [&] {
    const bool complete = run_gdcm(stream, description, samples);
    reinterpret_cast<ResultHeader*>(memory.data())->complete = complete;
  });
  OSTEON_CHECK(ended.empty(), "a damaged DICOM file (its decoder failed: ", ended, ")");
  ResultHeader header{};
  std::memcpy(&header, memory.data(), sizeof header);
  OSTEON_CHECK(header.complete == 1, "a DICOM file whose image cannot be decoded (transfer syntax ",
               syntax, ")");
  DicomSamples result{.channels = description.channels,
                      .word_bits = are_bytes ? 8 : 16,
                      .bits = description.bits,
                      .high_bit = description.bits - 1,
                      .is_signed = description.is_signed,
                      .words = std::vector<std::uint16_t>(count)};
  if (are_bytes)
    std::ranges::transform(samples, result.words.begin(),
                           [](std::byte byte) { return static_cast<std::uint16_t>(byte); });
  else
    std::memcpy(result.words.data(), samples.data(), count * 2);
  return result;
}

#endif

}  // namespace

DicomStream describe_stream(Bytes stream, const std::string& syntax, const DicomLayout& layout) {
  DicomStream found;
  const bool is_read = starts_with(stream, "\xFF\xD8") ? describe_jpeg(stream, layout, found)
                       : starts_with(stream, "\xFF\x4F\xFF\x51") ||
                               starts_with(stream, std::string_view("\0\0\0\x0CjP  ", 8))
                           ? describe_jpeg_2000(stream, layout, found)
                       : syntax == "1.2.840.10008.1.2.5" || syntax.empty()
                           ? describe_rle(layout, found)
                           : false;
  OSTEON_CHECK(is_read, "a DICOM file in transfer syntax ", syntax.empty() ? "(none)" : syntax,
               ", which is not supported; save it as explicit little endian");
  OSTEON_CHECK(found.height == layout.height && found.width == layout.width,
               "a damaged DICOM file: ", layout.height, " x ", layout.width,
               " pixels, but its compressed image has ", found.height, " x ", found.width);
  OSTEON_CHECK((found.channels == 1 || found.channels == 3) && found.bits >= 1 && found.bits <= 16,
               "a DICOM file whose compressed image has ", found.channels, " channels of ",
               found.bits, " bits; supported are 1 or 3 channels of up to 16 bits");
  return found;
}

DicomSamples decode_with_gdcm([[maybe_unused]] Bytes stream,
                              [[maybe_unused]] const DicomStream& description,
                              const std::string& syntax) {
#ifdef OSTEON_HAS_GDCM
  return decode_isolated(stream, description, syntax);
#else
  throw Error("a DICOM file in transfer syntax " + syntax +
              ", which this build does not support (install GDCM and configure again)");
#endif
}

}  // namespace osteon
