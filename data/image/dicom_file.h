// The elements of a DICOM file that define its image; nothing else is kept, so that no personal
// data can be shown. Source: DICOM PS3.5, 7 (data set) and PS3.10, 7 (file).
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
  std::string representation;  // two letters; empty if implicit
  Bytes value;
};

// A data set, or the first item of a sequence in it.
class DicomDataSet {
 public:
  // The first number in a text (DS, IS); none if the element is absent, empty or not a number.
  std::optional<double> decimal(DicomTag tag) const;
  // The first value of a text, without padding; empty if absent. Safe to print on a terminal.
  std::string text(DicomTag tag) const;
  // 16-bit numbers (US, SS, OW), as they are stored.
  std::vector<std::uint16_t> words(DicomTag tag) const;
  // The first of them.
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
// endian, deflated or not. The first element of the data set decides between implicit and explicit,
// not the transfer syntax: some writers name the wrong one. Throws Error unless every element lies
// completely within the file; zero bytes after the data set are ignored. The result refers to
// `bytes`.
DicomFile read_dicom_file(Bytes bytes);

// Whether a file starts like DICOM: with "DICM" after the preamble, or with two elements as they
// begin a data set. 256 bytes suffice.
bool starts_like_dicom(Bytes start);

}  // namespace osteon
