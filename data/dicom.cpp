// DICOM radiographs, decoded by GDCM. Nothing but the picture and what its grey levels mean is
// looked at: names and other particulars of the patient are neither kept nor shown.
#include <algorithm>

#include "data/decoders.h"
#include "tensor/error.h"

#ifdef OSTEON_HAS_GDCM
#include <gdcmAttribute.h>
#include <gdcmImageReader.h>
#include <gdcmTrace.h>

#include <cmath>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#endif

namespace osteon {

#ifndef OSTEON_HAS_GDCM

Image decode_dicom(Bytes) {
  throw Error("is a DICOM file, which this build does not read (install GDCM and configure again)");
}

#else

namespace {

// The first number in a tag of the data set, if it is there and readable.
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

struct Window {
  double centre = 0, width = 1;
};

// How stored values become grey levels.
struct Meaning {
  double slope = 1, intercept = 0;
  std::optional<Window> window;
  bool inverted = false;  // MONOCHROME1: the smallest value is white
};

Meaning read_meaning(const gdcm::DataSet& data, bool inverted) {
  Meaning meaning;
  meaning.inverted = inverted;
  meaning.slope = number_in<0x0028, 0x1053>(data).value_or(1);
  meaning.intercept = number_in<0x0028, 0x1052>(data).value_or(0);
  const auto centre = number_in<0x0028, 0x1050>(data), width = number_in<0x0028, 0x1051>(data);
  if (centre && width && *width >= 1) meaning.window = Window{*centre, *width};
  return meaning;
}

// The linear function of PS3.3, C.11.2.1.2.1, 0 to 1.
double through_window(double value, const Window& window) {
  if (window.width == 1) return value > window.centre - 0.5 ? 1 : 0;
  return std::clamp((value - (window.centre - 0.5)) / (window.width - 1) + 0.5, 0.0, 1.0);
}

// Grey levels of stored values; without a window those of 8 bits are levels already, and wider ones
// are spread from the smallest to the largest in the picture.
template <class Stored>
void to_levels(const Stored* stored, const Meaning& meaning, bool is_level,
               std::vector<std::uint8_t>& levels) {
  std::vector<double> values(levels.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = meaning.slope * static_cast<double>(stored[i]) + meaning.intercept;
  const auto [low, high] = std::ranges::minmax(values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    double level = 0;
    if (meaning.window)
      level = through_window(values[i], *meaning.window);
    else if (is_level)
      level = std::clamp(values[i] / 255, 0.0, 1.0);
    else if (high > low)
      level = (values[i] - low) / (high - low);
    levels[i] =
        static_cast<std::uint8_t>(std::lround(255 * (meaning.inverted ? 1 - level : level)));
  }
}

void decode_grey(const gdcm::Image& picture, const std::vector<char>& buffer,
                 const Meaning& meaning, std::vector<std::uint8_t>& levels) {
  const gdcm::PixelFormat& pixel = picture.GetPixelFormat();
  const bool is_level = pixel.GetBitsStored() == 8 && pixel.GetPixelRepresentation() == 0;
  switch (pixel.GetScalarType()) {
    case gdcm::PixelFormat::UINT8:
      return to_levels(reinterpret_cast<const std::uint8_t*>(buffer.data()), meaning, is_level,
                       levels);
    case gdcm::PixelFormat::INT8:
      return to_levels(reinterpret_cast<const std::int8_t*>(buffer.data()), meaning, is_level,
                       levels);
    case gdcm::PixelFormat::UINT16:
      return to_levels(reinterpret_cast<const std::uint16_t*>(buffer.data()), meaning, is_level,
                       levels);
    case gdcm::PixelFormat::INT16:
      return to_levels(reinterpret_cast<const std::int16_t*>(buffer.data()), meaning, is_level,
                       levels);
    default:
      throw Error(format("has pixels of type ", pixel.GetScalarTypeAsString(),
                         "; 8 and 16 bit integers are read"));
  }
}

void decode_colour(const gdcm::Image& picture, const std::vector<char>& buffer,
                   std::vector<std::uint8_t>& levels) {
  OSTEON_CHECK(picture.GetPixelFormat().GetScalarType() == gdcm::PixelFormat::UINT8 &&
                   picture.GetPixelFormat().GetSamplesPerPixel() == 3,
               "is a colour picture of other than 3 x 8 bits a pixel");
  const std::size_t pixels = levels.size();
  const bool planes = picture.GetPlanarConfiguration() == 1;
  const auto sample = [&](std::size_t pixel, std::size_t channel) {
    return static_cast<std::uint8_t>(
        buffer[planes ? channel * pixels + pixel : pixel * 3 + channel]);
  };
  const gdcm::PhotometricInterpretation::PIType colour = picture.GetPhotometricInterpretation();
  // Of luminance and two colour differences only the luminance is wanted.
  const bool luminance = colour == gdcm::PhotometricInterpretation::YBR_FULL ||
                         colour == gdcm::PhotometricInterpretation::YBR_FULL_422;
  for (std::size_t i = 0; i < pixels; ++i)
    levels[i] = luminance ? sample(i, 0) : luma(sample(i, 0), sample(i, 1), sample(i, 2));
}

// GDCM talks to standard error of its own accord otherwise, quoting what is in the file.
void silence_gdcm() {
  static const bool silent = [] {
    gdcm::Trace::DebugOff();
    gdcm::Trace::WarningOff();
    gdcm::Trace::ErrorOff();
    return true;
  }();
  static_cast<void>(silent);
}

// The photometric interpretations that are read; GDCM ends the program over some others.
constexpr std::string_view kColours[] = {"MONOCHROME1",  "MONOCHROME2", "RGB",    "YBR_FULL",
                                         "YBR_FULL_422", "YBR_RCT",     "YBR_ICT"};

// The layout of a pixel as the decoders need it; GDCM ends the program over some others.
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
               "a DICOM file of ", samples, " samples a pixel and ", stored, " of ", allocated,
               " bits a sample; 1 or 3 samples of 8 or 16 bits are read");
}

void check_picture(const gdcm::File& file) {
  const gdcm::DataSet& data = file.GetDataSet();
  OSTEON_CHECK(data.FindDataElement(gdcm::Tag(0x7fe0, 0x0010)), "a DICOM file without a picture");
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

// Uncompressed pictures that are cut short would be filled up with zeros.
void check_length(const gdcm::File& file, std::size_t expected) {
  if (file.GetHeader().GetDataSetTransferSyntax().IsEncapsulated()) return;
  const gdcm::ByteValue* bytes =
      file.GetDataSet().GetDataElement(gdcm::Tag(0x7fe0, 0x0010)).GetByteValue();
  OSTEON_CHECK(bytes != nullptr && bytes->GetLength() >= expected,
               "a DICOM file whose picture is cut short");
}

Image decode(Bytes bytes) {
  check_dicom_structure(bytes);
  silence_gdcm();
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
  OSTEON_CHECK(reader.Read(), "a DICOM file whose picture cannot be read (transfer syntax ", syntax,
               ")");
  const gdcm::Image& picture = reader.GetImage();
  check_length(reader.GetFile(), picture.GetBufferLength());
  std::vector<char> buffer(picture.GetBufferLength());
  OSTEON_CHECK(picture.GetBuffer(buffer.data()),
               "a DICOM file whose picture cannot be decoded (transfer syntax ", syntax, ")");

  Image image{picture.GetDimension(1), picture.GetDimension(0), {}};
  image.pixels.resize(static_cast<std::size_t>(image.height * image.width));
  const gdcm::PhotometricInterpretation::PIType colour = picture.GetPhotometricInterpretation();
  const auto samples = picture.GetPixelFormat().GetSamplesPerPixel();
  OSTEON_CHECK(buffer.size() >= image.pixels.size() * samples, "a damaged DICOM file");
  if (colour == gdcm::PhotometricInterpretation::MONOCHROME1 ||
      colour == gdcm::PhotometricInterpretation::MONOCHROME2) {
    const bool inverted = colour == gdcm::PhotometricInterpretation::MONOCHROME1;
    decode_grey(picture, buffer, read_meaning(reader.GetFile().GetDataSet(), inverted),
                image.pixels);
  } else {
    OSTEON_CHECK(samples == 3, "a damaged DICOM file");
    decode_colour(picture, buffer, image.pixels);
  }
  return image;
}

}  // namespace

Image decode_dicom(Bytes file) {
  try {
    return decode(file);
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {  // what GDCM says may quote the file
    throw Error("a damaged DICOM file");
  }
}

#endif

}  // namespace osteon
