// Compressed DICOM images. The compressed stream itself contains its codec, its numbers of bits and
// channels, and often its colour space. If the DICOM header disagrees, the stream is right.
#pragma once

#include "data/image/dicom_pixels.h"

namespace osteon {

struct DicomStream {
  enum class Codec { jpeg, jpeg_of_gdcm, jpeg_ls, jpeg_2000, rle };

  Codec codec = Codec::jpeg;
  std::int64_t height = 0, width = 0;
  int channels = 1;
  int bits = 8;                     // per sample
  bool is_signed = false;           // only JPEG 2000 has signed samples
  bool is_luminance_first = false;  // the channels are YCbCr
};

// Describes the stream of a compressed image. Throws Error naming the transfer syntax if no codec
// supports it.
DicomStream describe_stream(Bytes stream, const std::string& syntax, const DicomLayout& layout);

// The samples of an RLE stream. Throws Error if it is truncated.
DicomSamples decode_rle(Bytes stream, const DicomLayout& layout);

// Decodes a stream with GDCM, in a separate process (data/image/isolated.h, with its default
// limits), because damaged images make GDCM read out of bounds or abort.
DicomSamples decode_with_gdcm(Bytes stream, const DicomStream& description,
                              const std::string& syntax);

// The work of that process: writes the samples to `samples`, as bytes if description.bits is at
// most 8, else as 16-bit words; returns whether it succeeded. Only defined in a build with GDCM.
bool run_gdcm(Bytes stream, const DicomStream& description, std::span<std::byte> samples);

}  // namespace osteon
