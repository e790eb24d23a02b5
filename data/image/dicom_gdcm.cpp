// Decodes compressed samples with the codecs of GDCM; nothing else of GDCM is used.
#ifdef OSTEON_HAS_GDCM

#include <gdcmImage.h>
#include <gdcmSequenceOfFragments.h>

#include "data/image/dicom_compressed.h"

namespace osteon {
namespace {

using Syntax = gdcm::TransferSyntax;
using Colours = gdcm::PhotometricInterpretation;

Syntax::TSType syntax_of(DicomStream::Codec codec) {
  switch (codec) {
    case DicomStream::Codec::jpeg_ls:
      return Syntax::JPEGLSLossless;
    case DicomStream::Codec::jpeg_2000:
      return Syntax::JPEG2000;
    default:
      return Syntax::JPEGLosslessProcess14_1;
  }
}

}  // namespace

bool run_gdcm(Bytes stream, const DicomStream& description, std::span<std::byte> samples) {
  const auto bits = static_cast<unsigned short>(description.bits);
  gdcm::Image image;
  image.SetTransferSyntax(syntax_of(description.codec));
  image.SetNumberOfDimensions(2);
  image.SetDimension(0, static_cast<unsigned>(description.width));
  image.SetDimension(1, static_cast<unsigned>(description.height));
  image.SetPixelFormat(
      gdcm::PixelFormat(static_cast<unsigned short>(description.channels), bits <= 8 ? 8 : 16, bits,
                        static_cast<unsigned short>(bits - 1), description.is_signed ? 1 : 0));
  // With RGB, the codecs do not convert colours.
  image.SetPhotometricInterpretation(description.channels == 1 ? Colours::MONOCHROME2
                                                               : Colours::RGB);
  image.SetPlanarConfiguration(0);

  gdcm::Fragment fragment;
  fragment.SetByteValue(reinterpret_cast<const char*>(stream.data()),
                        static_cast<std::uint32_t>(stream.size()));
  const gdcm::SmartPointer<gdcm::SequenceOfFragments> fragments = new gdcm::SequenceOfFragments;
  fragments->AddFragment(fragment);
  gdcm::DataElement& pixels = image.GetDataElement();
  pixels.SetTag(gdcm::Tag(0x7fe0, 0x0010));
  pixels.SetVR(gdcm::VR::OB);
  pixels.SetValue(*fragments);

  return image.GetBufferLength() == samples.size() &&
         image.GetBuffer(reinterpret_cast<char*>(samples.data()));
}

}  // namespace osteon

#endif
