// Compressed DICOM images. The stream itself says how it is compressed, of how many bits and
// channels, and often in which colours; where header and stream disagree, the stream is right.
#pragma once

#include "data/image/dicom_pixels.h"

namespace osteon {

struct DicomStream {
  enum class Codec { jpeg, jpeg_of_gdcm, jpeg_ls, jpeg_2000, rle };

  Codec codec = Codec::jpeg;
  std::int64_t height = 0, width = 0;
  int channels = 1;
  int bits = 8;                     // of a sample
  bool is_signed = false;           // only JPEG 2000 says so
  bool is_luminance_first = false;  // YCbCr
};

// Describes the stream of a compressed image. Throws Error, which names the transfer syntax, if no
// codec here reads it.
DicomStream describe_stream(Bytes stream, const std::string& syntax, const DicomLayout& layout);

// The samples of an RLE stream. Throws Error if it is truncated.
DicomSamples decode_rle(Bytes stream, const DicomLayout& layout);

// The samples that GDCM decodes. GDCM runs in a separate process (data/image/isolated.h, with its
// limits), because damaged images make it read out of bounds or abort.
DicomSamples decode_with_gdcm(Bytes stream, const DicomStream& description,
                              const std::string& syntax);

// The work of that process: writes the samples to the beginning of `words`: bytes if bits is at
// most 8, else 16-bit words; returns whether it succeeded. Only defined in a build with GDCM.
bool run_gdcm(Bytes stream, const DicomStream& description, std::span<std::byte> samples);

}  // namespace osteon
