// The elements of a DICOM file that define its image. Nothing else is kept, so that no message can
// contain personal data. Source: DICOM PS3.5, chapter 7 (data set), and PS3.10, chapter 7 (file).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/image/decoders.h"

namespace osteon {

using DicomTag = std::uint32_t;  // group << 16 | element

struct DicomElement {
  std::string representation;  // value representation: two letters; empty if implicit
  Bytes value;
};

// A data set, or the first item of a sequence in it.
class DicomDataSet {
 public:
  // The first number of a text (DS, IS); nullopt if the element is absent, empty or not a number.
  std::optional<double> decimal(DicomTag tag) const;
  // The first value of a text, without padding, as printable ASCII; empty if absent.
  std::string text(DicomTag tag) const;
  // The 16-bit numbers (US, SS, OW) of an element, as they are stored.
  std::vector<std::uint16_t> words(DicomTag tag) const;
  // The first of these numbers; nullopt if the element is absent or too short.
  std::optional<std::uint16_t> word(DicomTag tag) const;
  const DicomElement* find(DicomTag tag) const;
  // The first item of a sequence; null if there is none.
  const DicomDataSet* item(DicomTag tag) const;

  bool is_big_endian = false;
  std::map<DicomTag, DicomElement> elements;
  std::map<DicomTag, std::shared_ptr<DicomDataSet>> items;
};

struct DicomFile {
  std::string syntax;  // the transfer syntax that the file names; may be wrong or empty
  DicomDataSet data;
  Bytes pixels;                      // of an uncompressed image
  std::vector<Bytes> fragments;      // of a compressed image
  std::vector<std::uint8_t> memory;  // the inflated data set, if it was deflated
};

// Reads a file with or without preamble and meta information, implicit or explicit, little or big
// endian, deflated or not. The first element of the data set shows whether it is implicit or
// explicit and its byte order; the transfer syntax is not used for this, because some programs
// write a wrong one. Throws Error unless every element lies completely within the file; zero bytes
// after the data set are ignored. The result refers to `bytes`.
DicomFile read_dicom_file(Bytes bytes);

// Whether a file starts like DICOM: with "DICM" after the preamble, or with two elements with which
// a data set can begin. The first 256 bytes are sufficient.
bool starts_like_dicom(Bytes start);

}  // namespace osteon
