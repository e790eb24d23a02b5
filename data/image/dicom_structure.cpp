// Checks that each element of a DICOM file lies within it. GDCM fills up truncated data, guesses if
// it cannot read on, and spends the time and memory that a damaged length demands.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/error.h"
#include "data/image/decoders.h"

namespace osteon {
namespace {

constexpr std::uint32_t kUndefinedLength = 0xFFFFFFFF;
constexpr std::uint32_t kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D, kSequenceEnd = 0xFFFEE0DD;
constexpr std::uint32_t kPixelData = 0x7FE00010;
constexpr int kMaxDepth = 16;  // of nested sequences

// The value representations whose explicit length has four bytes. Source: DICOM PS3.5, 7.1.2.
constexpr std::array<std::string_view, 13> kLongLength = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
                                                          "SV", "UC", "UN", "UR", "UT", "UV"};

// All value representations. Source: DICOM PS3.5, 6.2.
constexpr std::array<std::string_view, 34> kRepresentations = {
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT",
    "OB", "OD", "OF", "OL", "OV", "OW", "PN", "SH", "SL", "SQ", "SS", "ST",
    "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV"};

// The supported transfer syntaxes: implicit and explicit little endian, JPEG baseline, extended and
// lossless (two), JPEG-LS (two), JPEG 2000 (two), RLE. Not supported: big endian (retired in 2006),
// deflated, video.
constexpr std::array<std::string_view, 11> kSyntaxes = {
    "1.2.840.10008.1.2",      "1.2.840.10008.1.2.1",    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.5"};

class Walker {
 public:
  explicit Walker(Bytes file) : file_(file) {}

  // Reads the file meta information; returns the transfer syntax.
  std::string meta() {
    at_ = 132;
    std::string syntax;
    while (remaining() >= 8 && file_[at_] == 2 && file_[at_ + 1] == 0) {
      const Element element = next(true);
      const Bytes value = take(element.length);
      if (element.tag == 0x00020010) syntax.assign(value.begin(), value.end());
    }
    while (!syntax.empty() && (syntax.back() == '\0' || syntax.back() == ' ')) syntax.pop_back();
    return syntax;
  }

  void data_set(bool is_explicit) {
    OSTEON_CHECK(remaining() > 0, "a DICOM file that ends before its data");
    while (remaining() > 0) value(next(is_explicit), is_explicit, 0);
  }

 private:
  struct Element {
    std::uint32_t tag, length;
    std::string representation;  // empty if implicit
  };

  std::size_t remaining() const { return file_.size() - at_; }

  Bytes take(std::size_t length) {
    OSTEON_CHECK(length <= remaining(), "a DICOM file that is truncated or damaged");
    const Bytes taken = file_.subspan(at_, length);
    at_ += length;
    return taken;
  }

  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    const Bytes taken = take(bytes);
    for (std::size_t i = 0; i < bytes; ++i) value |= static_cast<std::uint32_t>(taken[i]) << 8 * i;
    return value;
  }

  Element next(bool is_explicit) {
    const std::uint32_t group = number(2), tag = group << 16 | number(2);
    if (!is_explicit || group == 0xFFFE) return {tag, number(4), ""};
    const Bytes letters = take(2);
    const std::string representation(letters.begin(), letters.end());
    // GDCM reads the rest of the file as implicit when it meets an unknown representation.
    OSTEON_CHECK(std::ranges::find(kRepresentations, representation) != kRepresentations.end(),
                 "a damaged DICOM file");
    const bool is_long = std::ranges::find(kLongLength, representation) != kLongLength.end();
    if (is_long) take(2);
    return {tag, number(is_long ? 4 : 2), representation};
  }

  static bool is_end(const Element& element, std::uint32_t tag) {
    OSTEON_CHECK(element.tag != tag || element.length == 0, "a damaged DICOM file");
    return element.tag == tag;
  }

  void value(const Element& element, bool is_explicit, int depth) {
    if (element.length != kUndefinedLength) {
      take(element.length);
      return;
    }
    // Only a sequence or a compressed image may have an end marker.
    const std::string& representation = element.representation;
    OSTEON_CHECK(representation.empty() || representation == "SQ" || representation == "UN" ||
                     (element.tag == kPixelData && representation.starts_with("O")),
                 "a damaged DICOM file");
    OSTEON_CHECK(depth < kMaxDepth, "a DICOM file with sequences nested too deeply");
    for (Element item = next(is_explicit);; item = next(is_explicit)) {
      if (is_end(item, kSequenceEnd)) return;
      OSTEON_CHECK(item.tag == kItem, "a damaged DICOM file");
      if (item.length != kUndefinedLength) {
        take(item.length);
        continue;
      }
      OSTEON_CHECK(element.tag != kPixelData, "a damaged DICOM file");
      // An element of unknown representation is an implicit sequence. Source: PS3.5, 6.2.2.
      const bool inner = is_explicit && representation != "UN";
      for (Element each = next(inner); !is_end(each, kItemEnd); each = next(inner))
        value(each, inner, depth + 1);
    }
  }

  Bytes file_;
  std::size_t at_ = 0;
};

}  // namespace

void check_dicom_structure(Bytes file) {
  Walker walker(file);
  const std::string syntax = walker.meta();
  OSTEON_CHECK(!syntax.empty(), "a DICOM file that does not name its transfer syntax");
  OSTEON_CHECK(std::ranges::find(kSyntaxes, syntax) != kSyntaxes.end(),
               "a DICOM file in transfer syntax ", syntax,
               ", which is not read; save it as explicit little endian");
  walker.data_set(/*is_explicit=*/syntax != "1.2.840.10008.1.2");
}

}  // namespace osteon
