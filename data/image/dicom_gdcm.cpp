// The part of reading DICOM that uses GDCM. It reads the image and the tags that define its grey
// levels, nothing else: the patient's name and other personal data are neither kept nor shown.
#ifdef OSTEON_HAS_GDCM

#include <gdcmAttribute.h>
#include <gdcmImageReader.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "data/image/dicom_picture.h"

namespace osteon {
namespace {

// The first number in a tag of the data set, if present and readable.
template <std::uint16_t Group, std::uint16_t Element>
std::optional<double> number_in(const gdcm::DataSet& data) {
  if (!data.FindDataElement(gdcm::Tag(Group, Element))) return std::nullopt;
  gdcm::Attribute<Group, Element> attribute;
  attribute.SetFromDataSet(data);
  if constexpr (requires { attribute.GetNumberOfValues(); }) {
    if (attribute.GetNumberOfValues() == 0) return std::nullopt;
  }
  const auto value = [&] {
    if constexpr (requires { attribute.GetValue(0); })
      return static_cast<double>(attribute.GetValue(0));
    else
      return static_cast<double>(attribute.GetValue());
  }();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// The supported photometric interpretations: those without a palette or further channels.
constexpr std::string_view kColours[] = {"MONOCHROME1",  "MONOCHROME2", "RGB",    "YBR_FULL",
                                         "YBR_FULL_422", "YBR_RCT",     "YBR_ICT"};

// Checks that the layout of a pixel is one whose stored values become grey levels directly.
void check_pixel(const gdcm::DataSet& data) {
  const double samples = number_in<0x0028, 0x0002>(data).value_or(1);
  const double allocated = number_in<0x0028, 0x0100>(data).value_or(0);
  const double stored = number_in<0x0028, 0x0101>(data).value_or(allocated);
  const double high_bit = number_in<0x0028, 0x0102>(data).value_or(stored - 1);
  const double is_signed = number_in<0x0028, 0x0103>(data).value_or(0);
  const double planes = number_in<0x0028, 0x0006>(data).value_or(0);
  OSTEON_CHECK((samples == 1 || samples == 3) && (allocated == 8 || allocated == 16) &&
                   stored >= 1 && stored <= allocated && high_bit == stored - 1 &&
                   (is_signed == 0 || is_signed == 1) && (planes == 0 || planes == 1),
               "a DICOM file of ", samples, " samples per pixel and ", stored, " of ", allocated,
               " bits per sample; 1 or 3 samples of 8 or 16 bits are read");
}

void check_picture(const gdcm::File& file) {
  const gdcm::DataSet& data = file.GetDataSet();
  OSTEON_CHECK(data.FindDataElement(gdcm::Tag(0x7fe0, 0x0010)), "a DICOM file without an image");
  const double frames = number_in<0x0028, 0x0008>(data).value_or(1);
  OSTEON_CHECK(frames <= 1, "a DICOM file of ", frames, " frames; a radiograph has one");
  check_dimensions(static_cast<std::int64_t>(number_in<0x0028, 0x0010>(data).value_or(0)),
                   static_cast<std::int64_t>(number_in<0x0028, 0x0011>(data).value_or(0)));
  check_pixel(data);
  gdcm::Attribute<0x0028, 0x0004> attribute;
  attribute.SetFromDataSet(data);
  const std::string colours = attribute.GetValue().Trim();
  OSTEON_CHECK(std::ranges::find(kColours, colours) != std::end(kColours), "a DICOM file in ",
               colours.empty() ? "no named colours" : colours, "; grey and RGB are read");
}

// GDCM would fill up truncated uncompressed images with zeros.
void check_length(const gdcm::File& file, std::size_t expected) {
  if (file.GetHeader().GetDataSetTransferSyntax().IsEncapsulated()) return;
  const gdcm::ByteValue* bytes =
      file.GetDataSet().GetDataElement(gdcm::Tag(0x7fe0, 0x0010)).GetByteValue();
  OSTEON_CHECK(bytes != nullptr && bytes->GetLength() >= expected,
               "a DICOM file whose image is truncated");
}

void read_meaning(const gdcm::DataSet& data, DicomPicture& picture) {
  picture.slope = number_in<0x0028, 0x1053>(data).value_or(1);
  picture.intercept = number_in<0x0028, 0x1052>(data).value_or(0);
  const auto centre = number_in<0x0028, 0x1050>(data), width = number_in<0x0028, 0x1051>(data);
  if (!centre || !width || *width < 1) return;
  picture.has_window = 1;
  picture.window_centre = *centre;
  picture.window_width = *width;
}

DicomPicture::Colour colour_of(const gdcm::Image& picture) {
  const gdcm::PhotometricInterpretation::PIType colour = picture.GetPhotometricInterpretation();
  switch (colour) {
    case gdcm::PhotometricInterpretation::MONOCHROME1:
      return DicomPicture::monochrome1;
    case gdcm::PhotometricInterpretation::MONOCHROME2:
      return DicomPicture::monochrome2;
    case gdcm::PhotometricInterpretation::YBR_FULL:
    case gdcm::PhotometricInterpretation::YBR_FULL_422:
      return DicomPicture::luminance_first;
    default:
      return DicomPicture::rgb;
  }
}

}  // namespace

DicomPicture read_with_gdcm(Bytes bytes, std::span<std::byte> samples) {
  std::istringstream stream(std::string(bytes.begin(), bytes.end()));
  gdcm::Reader header;
  header.SetStream(stream);
  OSTEON_CHECK(header.Read(), "a damaged DICOM file");
  check_picture(header.GetFile());
  const std::string syntax = header.GetFile().GetHeader().GetDataSetTransferSyntax().GetString();

  stream.clear();
  stream.seekg(0);
  gdcm::ImageReader reader;
  reader.SetStream(stream);
  OSTEON_CHECK(reader.Read(), "a DICOM file whose image cannot be read (transfer syntax ", syntax,
               ")");
  const gdcm::Image& image = reader.GetImage();
  check_length(reader.GetFile(), image.GetBufferLength());
  OSTEON_CHECK(image.GetBufferLength() <= samples.size(), "a damaged DICOM file");
  OSTEON_CHECK(image.GetBuffer(reinterpret_cast<char*>(samples.data())),
               "a DICOM file whose image cannot be decoded (transfer syntax ", syntax, ")");

  // Read only now: decoding may change the header's values.
  const gdcm::PixelFormat& pixel = image.GetPixelFormat();
  OSTEON_CHECK(image.GetBufferLength() >= std::size_t{image.GetDimension(0)} *
                                              image.GetDimension(1) * pixel.GetPixelSize(),
               "a damaged DICOM file");
  DicomPicture picture{.height = image.GetDimension(1),
                       .width = image.GetDimension(0),
                       .samples = pixel.GetSamplesPerPixel(),
                       .bits_allocated = pixel.GetBitsAllocated(),
                       .bits_stored = pixel.GetBitsStored(),
                       .is_signed = pixel.GetPixelRepresentation(),
                       .planes = image.GetPlanarConfiguration() == 1,
                       .colour = colour_of(image)};
  read_meaning(reader.GetFile().GetDataSet(), picture);
  return picture;
}

}  // namespace osteon

#endif
