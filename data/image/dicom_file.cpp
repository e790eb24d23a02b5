// Reads the structure of a DICOM file.
#include "data/image/dicom_file.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "base/error.h"

namespace osteon {
namespace {

constexpr std::uint32_t kUndefinedLength = 0xFFFFFFFF;
constexpr DicomTag kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D, kSequenceEnd = 0xFFFEE0DD;
constexpr DicomTag kPixelData = 0x7FE00010, kTransferSyntax = 0x00020010;
constexpr DicomTag kModalityLuts = 0x00283000, kVoiLuts = 0x00283010;
constexpr int kMaxDepth = 16;  // of nested sequences
constexpr std::size_t kPreambleBytes = 128;
constexpr std::size_t kMaxText = 64;  // numbers and codes have at most 16 bytes (PS3.5, 6.2)

// The value representations whose explicit length has four bytes. Source: PS3.5, 7.1.2.
constexpr std::array<std::string_view, 13> kLongLength = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
                                                          "SV", "UC", "UN", "UR", "UT", "UV"};

// All value representations. Source: PS3.5, 6.2.
constexpr std::array<std::string_view, 34> kRepresentations = {
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT",
    "OB", "OD", "OF", "OL", "OV", "OW", "PN", "SH", "SL", "SQ", "SS", "ST",
    "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV"};

struct Encoding {
  bool is_explicit = true, is_big_endian = false;
};

constexpr Encoding kMetaEncoding{}, kImplicit{.is_explicit = false};

std::string_view letters(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_representation(Bytes bytes) {
  return std::ranges::find(kRepresentations, letters(bytes)) != kRepresentations.end();
}

// The encoding of a data set, from its first element. The first group is below 0x100, which shows
// the byte order. Explicit elements have two letters where implicit ones have a length.
Encoding encoding_of(Bytes data) {
  OSTEON_CHECK(data.size() >= 8, "a DICOM file that ends before its data");
  return {.is_explicit = is_representation(data.subspan(4, 2)),
          .is_big_endian = data[0] == 0 && data[1] != 0};
}

std::uint32_t number(Bytes bytes, bool is_big_endian) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value = value << 8 | bytes[is_big_endian ? i : bytes.size() - 1 - i];
  return value;
}

struct Head {
  DicomTag tag;
  std::uint32_t length;
  std::string representation;
};

class Cursor {
 public:
  explicit Cursor(Bytes bytes) : bytes_(bytes) {}

  Bytes rest() const { return bytes_.subspan(at_); }

  Bytes take(std::size_t length) {
    OSTEON_CHECK(length <= bytes_.size() - at_, "a DICOM file that is truncated or damaged");
    const Bytes taken = bytes_.subspan(at_, length);
    at_ += length;
    return taken;
  }

  Head head(Encoding encoding) {
    const auto next = [&](std::size_t bytes) {
      return number(take(bytes), encoding.is_big_endian);
    };
    const std::uint32_t group = next(2);
    const DicomTag tag = group << 16 | next(2);
    if (!encoding.is_explicit || group == 0xFFFE) return {tag, next(4), ""};
    const Bytes representation = take(2);
    OSTEON_CHECK(is_representation(representation), "a damaged DICOM file");
    const bool is_long =
        std::ranges::find(kLongLength, letters(representation)) != kLongLength.end();
    if (is_long) take(2);
    return {tag, next(is_long ? 4 : 2), std::string(letters(representation))};
  }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

bool all_zero(Bytes bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

class Reader {
 public:
  explicit Reader(DicomFile& file) : file_(file) {}

  void data_set(Bytes bytes) {
    const Encoding encoding = encoding_of(bytes);
    file_.data.is_big_endian = encoding.is_big_endian;
    Cursor cursor(bytes);
    while (!cursor.rest().empty()) {
      if (all_zero(cursor.rest().first(std::min<std::size_t>(cursor.rest().size(), 4)))) {
        OSTEON_CHECK(all_zero(cursor.rest()), "a damaged DICOM file");
        break;
      }
      value(cursor, cursor.head(encoding), encoding, &file_.data, 0);
    }
  }

 private:
  // Reads the value of an element, and keeps it in `data` if it describes the image. If `data` is
  // null, nothing is kept.
  void value(Cursor& cursor, const Head& head, Encoding encoding, DicomDataSet* data, int depth) {
    const std::uint32_t group = head.tag >> 16;
    const bool keep = data != nullptr && (group == 0x0028 || group == 0x2050);
    if (depth == 0 && head.tag == kPixelData) return pixels(cursor, head, encoding, file_);
    // An element of unknown representation (UN) contains implicit elements. Source: PS3.5, 6.2.2.
    const Encoding inner = head.representation == "UN" ? kImplicit : encoding;
    if (head.length != kUndefinedLength) {
      const Bytes bytes = cursor.take(head.length);
      if (!keep) return;
      if (head.tag == kModalityLuts || head.tag == kVoiLuts) {
        Cursor sequence(bytes);
        items(sequence, inner, item_of(*data, head.tag), /*has_end=*/false, depth);
      } else {
        data->elements.try_emplace(head.tag, head.representation, bytes);
      }
      return;
    }
    // Undefined length, up to an end marker: only a sequence or a compressed image may have it. An
    // image here is that of an icon.
    if (DicomFile icon; head.tag == kPixelData && head.representation.starts_with("O"))
      return pixels(cursor, head, encoding, icon);
    OSTEON_CHECK(
        head.representation.empty() || head.representation == "SQ" || head.representation == "UN",
        "a damaged DICOM file");
    items(cursor, inner, keep ? item_of(*data, head.tag) : nullptr, /*has_end=*/true, depth);
  }

  static DicomDataSet* item_of(DicomDataSet& data, DicomTag tag) {
    const auto [place, is_new] = data.items.try_emplace(tag);
    if (!is_new) return nullptr;
    place->second = std::make_shared<DicomDataSet>();
    place->second->is_big_endian = data.is_big_endian;
    return place->second.get();
  }

  // Reads the items of a sequence, up to its end marker if `has_end`, else to the end of the bytes.
  // Keeps the first item in `first`, if that is not null.
  void items(Cursor& cursor, Encoding encoding, DicomDataSet* first, bool has_end, int depth) {
    OSTEON_CHECK(depth < kMaxDepth, "a DICOM file with sequences nested too deeply");
    for (; has_end || !cursor.rest().empty(); first = nullptr) {
      const Head item = cursor.head(encoding);
      if (is_end(item, kSequenceEnd)) return;
      OSTEON_CHECK(item.tag == kItem, "a damaged DICOM file");
      if (item.length != kUndefinedLength) {
        Cursor inner(cursor.take(item.length));
        while (first != nullptr && !inner.rest().empty())
          value(inner, inner.head(encoding), encoding, first, depth + 1);
        continue;
      }
      for (Head head = cursor.head(encoding); !is_end(head, kItemEnd); head = cursor.head(encoding))
        value(cursor, head, encoding, first, depth + 1);
    }
  }

  static bool is_end(const Head& head, DicomTag tag) {
    OSTEON_CHECK(head.tag != tag || head.length == 0, "a damaged DICOM file");
    return head.tag == tag;
  }

  static void pixels(Cursor& cursor, const Head& head, Encoding encoding, DicomFile& file) {
    file.data.elements.try_emplace(kPixelData, head.representation, Bytes());
    if (head.length != kUndefinedLength) {
      file.pixels = cursor.take(head.length);
      return;
    }
    OSTEON_CHECK(head.representation.empty() || head.representation.starts_with("O"),
                 "a damaged DICOM file");
    bool is_offset_table = true;  // the first item is one. Source: PS3.5, A.4.
    for (Head item = cursor.head(encoding); !is_end(item, kSequenceEnd);
         item = cursor.head(encoding), is_offset_table = false) {
      OSTEON_CHECK(item.tag == kItem && item.length != kUndefinedLength, "a damaged DICOM file");
      const Bytes fragment = cursor.take(item.length);
      if (!is_offset_table) file.fragments.push_back(fragment);
    }
  }

  DicomFile& file_;
};

// Reads the meta information; returns the transfer syntax.
std::string read_meta(Cursor& cursor) {
  std::string syntax;
  while (cursor.rest().size() >= 8 && cursor.rest()[0] == 2 && cursor.rest()[1] == 0) {
    const Head head = cursor.head(kMetaEncoding);
    const Bytes value = cursor.take(head.length);
    if (head.tag == kTransferSyntax) syntax = letters(value);
  }
  while (!syntax.empty() && (syntax.back() == '\0' || syntax.back() == ' ')) syntax.pop_back();
  for (char& c : syntax)  // because messages contain it
    if (c != '.' && (c < '0' || c > '9')) c = '?';
  return syntax;
}

// The data set of a deflated file, which is a stream without a zlib header. Source: PS3.5, A.5.
std::vector<std::uint8_t> inflated(Bytes bytes) {
  z_stream stream{};
  OSTEON_CHECK(::inflateInit2(&stream, -MAX_WBITS) == Z_OK, "zlib cannot start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, ::inflateEnd);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::vector<std::uint8_t> data;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    constexpr std::size_t kStep = 1 << 20;
    const std::size_t size = data.size();
    OSTEON_CHECK(size < kMaxFileBytes, "a deflated DICOM file of more than ", kMaxFileBytes,
                 " bytes");
    data.resize(size + kStep);
    stream.next_out = data.data() + size;
    stream.avail_out = kStep;
    status = ::inflate(&stream, Z_NO_FLUSH);
    OSTEON_CHECK(status == Z_STREAM_END || (status == Z_OK && stream.avail_out == 0),
                 "a deflated DICOM file that is truncated or damaged");
    data.resize(size + kStep - stream.avail_out);
  }
  return data;
}

}  // namespace

const DicomElement* DicomDataSet::find(DicomTag tag) const {
  const auto found = elements.find(tag);
  return found == elements.end() ? nullptr : &found->second;
}

const DicomDataSet* DicomDataSet::item(DicomTag tag) const {
  const auto found = items.find(tag);
  return found == items.end() || found->second->elements.empty() ? nullptr : found->second.get();
}

std::string DicomDataSet::text(DicomTag tag) const {
  const DicomElement* const element = find(tag);
  if (element == nullptr) return "";
  std::string_view value = letters(element->value);
  value = value.substr(0, value.find('\\'));
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!value.empty() && is_padding(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_padding(value.back())) value.remove_suffix(1);
  std::string text(value.substr(0, kMaxText));
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

std::optional<double> DicomDataSet::decimal(DicomTag tag) const {
  // A larger number is a damaged one. The products of accepted numbers and 16-bit values are
  // finite.
  constexpr double kMaxMagnitude = 1e100;
  const std::string value = text(tag);
  const char* const start = value.data() + (value.starts_with('+') ? 1 : 0);
  const char* const end = value.data() + value.size();
  double result = 0;
  const auto [stop, error] = std::from_chars(start, end, result);
  if (error != std::errc() || stop != end || !(std::abs(result) <= kMaxMagnitude))
    return std::nullopt;
  return result;
}

std::vector<std::uint16_t> DicomDataSet::words(DicomTag tag) const {
  std::vector<std::uint16_t> words;
  if (const DicomElement* const element = find(tag); element != nullptr)
    for (std::size_t i = 0; i + 2 <= element->value.size(); i += 2)
      words.push_back(
          static_cast<std::uint16_t>(number(element->value.subspan(i, 2), is_big_endian)));
  return words;
}

std::optional<std::uint16_t> DicomDataSet::word(DicomTag tag) const {
  const DicomElement* const element = find(tag);
  if (element == nullptr || element->value.size() < 2) return std::nullopt;
  return static_cast<std::uint16_t>(number(element->value.first(2), is_big_endian));
}

DicomFile read_dicom_file(Bytes bytes) {
  const bool has_preamble =
      bytes.size() >= kPreambleBytes + 4 && letters(bytes.subspan(kPreambleBytes, 4)) == "DICM";
  Cursor cursor(has_preamble ? bytes.subspan(kPreambleBytes + 4) : bytes);
  DicomFile file;
  file.syntax = read_meta(cursor);
  Bytes data = cursor.rest();
  if (file.syntax == "1.2.840.10008.1.2.1.99") {
    file.memory = inflated(data);
    data = file.memory;
  }
  Reader(file).data_set(data);
  return file;
}

bool starts_like_dicom(Bytes start) try {
  if (start.size() >= kPreambleBytes + 4 && letters(start.subspan(kPreambleBytes, 4)) == "DICM")
    return true;
  const Encoding encoding = encoding_of(start);
  Cursor cursor(start);
  const Head first = cursor.head(encoding);
  const std::uint32_t group = first.tag >> 16;
  // Groups 2 (meta information) and 8 (identification) come first; their first values are short.
  if ((group != 0x0002 && group != 0x0008) || (first.tag & 0xFFFF) > 0x0100) return false;
  cursor.take(first.length);
  const Head second = cursor.head(encoding);
  return second.tag >> 16 == group && second.tag > first.tag;
} catch (const Error&) {
  return false;
}

}  // namespace osteon
