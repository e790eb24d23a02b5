// The grayscale transformations. Each is applied once to every value that occurs in the image.
#include "data/image/dicom_levels.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "base/error.h"

namespace osteon {
namespace {

using Transform = std::function<double(double)>;

constexpr std::size_t kWords = 0x10000;

// Converts a stored word to its value.
class StoredValue {
 public:
  StoredValue(const DicomSamples& samples, const std::vector<std::uint8_t>& occurs)
      : bits_(samples.bits), is_signed_(samples.is_signed) {
    // Many programs write a High Bit beyond Bits Stored, but store the values from bit 0. Then each
    // word equals its value, and nothing is shifted.
    const int mask = (1 << samples.word_bits) - 1;
    bool are_values = true;
    for (std::size_t word = 0; word < occurs.size(); ++word)
      are_values =
          are_values && (occurs[word] == 0 || ((*this)(word)&mask) == static_cast<int>(word));
    if (!are_values) shift_ = samples.high_bit + 1 - samples.bits;
  }

  int operator()(std::size_t word) const {
    const int value = static_cast<int>(word) >> shift_ & ((1 << bits_) - 1);
    return is_signed_ && value >> (bits_ - 1) != 0 ? value - (1 << bits_) : value;
  }

 private:
  int bits_, shift_ = 0;
  bool is_signed_;
};

// Pixel Padding Value, or the range from it to Pixel Padding Range Limit. Source: C.7.5.1.1.2.
class Padding {
 public:
  Padding(const DicomDataSet& data, const DicomSamples& samples) : is_signed_(samples.is_signed) {
    const auto value = data.word(0x00280120);
    if (!value) return;
    const int limit = number(data.word(0x00280121).value_or(*value));
    low_ = std::min(number(*value), limit);
    high_ = std::max(number(*value), limit);
    const int most = 1 << (samples.bits - (is_signed_ ? 1 : 0));
    is_whole_word_ = high_ >= most || low_ < (is_signed_ ? -most : 0);
  }

  bool contains(std::size_t word, int value) const {
    // If the stored bits cannot represent the padding, it is compared with all bits of the word.
    const int compared = is_whole_word_ ? number(static_cast<std::uint16_t>(word)) : value;
    return low_ <= compared && compared <= high_;
  }

 private:
  int number(std::uint16_t word) const {
    return is_signed_ ? static_cast<std::int16_t>(word) : static_cast<int>(word);
  }

  bool is_signed_, is_whole_word_ = false;
  int low_ = std::numeric_limits<int>::max(), high_ = std::numeric_limits<int>::min();
};

// The table in the first item of a sequence, if there is one.
std::optional<DicomLookupTable> table_in(const DicomDataSet& data, DicomTag sequence,
                                         bool is_signed) {
  const DicomDataSet* const item = data.item(sequence);
  if (item == nullptr || item->find(0x00283002) == nullptr || item->find(0x00283006) == nullptr)
    return std::nullopt;
  return read_lookup_table(*item, 0x00283002, 0x00283006, is_signed);
}

// Modality LUT Sequence, or Rescale Slope and Intercept; null if nothing changes. Source: C.11.1.
Transform modality(const DicomDataSet& data, bool is_signed, std::vector<std::string>& warnings) {
  if (const auto table = table_in(data, 0x00283000, is_signed)) return *table;
  const double slope = data.decimal(0x00281053).value_or(1);
  const double intercept = data.decimal(0x00281052).value_or(0);
  if (slope == 0) warnings.push_back("a rescale slope of 0: all pixels have one value");
  if (slope == 1 && intercept == 0) return nullptr;
  return [=](double value) { return slope * value + intercept; };
}

// The first window, whose results are 0..1; null if there is none. Source: C.11.2.1.2, C.11.2.1.3.
Transform window(const DicomDataSet& data, std::vector<std::string>& warnings) {
  const auto centre = data.decimal(0x00281050), width = data.decimal(0x00281051);
  if (!centre || !width) return nullptr;
  const std::string function = data.text(0x00281056);
  const double c = *centre, w = *width;
  const bool is_sigmoid = function == "SIGMOID", is_exact = function == "LINEAR_EXACT";
  if (is_sigmoid || is_exact ? w <= 0 : w < 1) {
    warnings.push_back(format("a window of width ", w, " is ignored"));
    return nullptr;
  }
  if (is_sigmoid) return [=](double x) { return 1 / (1 + std::exp(-4 * (x - c) / w)); };
  if (is_exact) return [=](double x) { return std::clamp((x - c) / w + 0.5, 0.0, 1.0); };
  if (!function.empty() && function != "LINEAR")
    warnings.push_back("a window with an unknown function is taken as LINEAR");
  if (w == 1) return [=](double x) { return x > c - 0.5 ? 1.0 : 0.0; };
  return [=](double x) { return std::clamp((x - (c - 0.5)) / (w - 1) + 0.5, 0.0, 1.0); };
}

// VOI LUT Sequence or a window, whose results are 0..1; null if there are none. Source: C.11.2.
Transform values_of_interest(const DicomDataSet& data, bool is_signed,
                             std::vector<std::string>& warnings) {
  const auto table = table_in(data, 0x00283010, is_signed);
  if (!table) return window(data, warnings);
  return
      [table = *table](double x) { return table(x) / static_cast<double>((1 << table.bits) - 1); };
}

bool is_inverted(const DicomDataSet& data, const std::string& colours,
                 std::vector<std::string>& warnings) {
  const bool is_monochrome1 = colours == "MONOCHROME1";
  const std::string shape = data.text(0x20500020);
  if (!shape.empty() && (shape == "INVERSE") != is_monochrome1)
    warnings.push_back("the Presentation LUT Shape contradicts the photometric interpretation");
  return is_monochrome1 || shape == "INVERSE";
}

}  // namespace

std::uint16_t DicomLookupTable::operator()(double value) const {
  return entries[static_cast<std::size_t>(
      std::clamp(value - first, 0.0, static_cast<double>(entries.size() - 1)))];
}

DicomLookupTable read_lookup_table(const DicomDataSet& data, DicomTag descriptor, DicomTag entries,
                                   bool is_signed) {
  const std::vector<std::uint16_t> three = data.words(descriptor);
  const DicomElement* const element = data.find(entries);
  OSTEON_CHECK(three.size() == 3 && element != nullptr && three[2] >= 1 && three[2] <= 16,
               "a DICOM file with a damaged lookup table");
  // An implicit file does not say whether the first value is signed.
  const std::string& representation = data.find(descriptor)->representation;
  if (!representation.empty()) is_signed = representation == "SS";
  DicomLookupTable table{.first = is_signed ? static_cast<std::int16_t>(three[1]) : int{three[1]},
                         .bits = three[2],
                         .entries = data.words(entries)};
  const std::size_t size = three[0] == 0 ? kWords : three[0];
  if (table.entries.size() < size) {  // the entries are bytes, not words
    OSTEON_CHECK(element->value.size() >= size && table.bits <= 8,
                 "a DICOM file with a truncated lookup table");
    table.entries.assign(element->value.begin(), element->value.end());
  }
  table.entries.resize(size);
  const auto most = static_cast<std::uint16_t>((1 << table.bits) - 1);
  for (std::uint16_t& entry : table.entries) entry = std::min(entry, most);
  return table;
}

std::vector<std::uint8_t> grey_levels(const DicomSamples& samples, const DicomDataSet& data,
                                      const std::string& colours,
                                      std::vector<std::string>& warnings) {
  std::vector<std::uint8_t> occurs(kWords);
  for (const std::uint16_t word : samples.words) occurs[word] = 1;
  const StoredValue stored(samples, occurs);
  const Padding padding(data, samples);
  const Transform rescale = modality(data, samples.is_signed, warnings);
  const bool may_be_negative = samples.is_signed || data.decimal(0x00281052).value_or(0) < 0;
  const Transform interest = values_of_interest(data, may_be_negative, warnings);
  const bool inverted = is_inverted(data, colours, warnings);

  std::vector<std::size_t> words;  // the words that are not padding
  std::vector<double> values;      // their values after the modality transformation
  for (std::size_t word = 0; word < kWords; ++word) {
    if (occurs[word] == 0 || padding.contains(word, stored(word))) continue;
    words.push_back(word);
    values.push_back(rescale ? rescale(stored(word)) : stored(word));
  }
  std::vector<std::uint8_t> level_of(kWords);  // padding stays black
  if (!words.empty()) {
    const auto [low, high] = std::ranges::minmax(values);
    const bool are_levels = !rescale && samples.bits == 8 && !samples.is_signed;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const double level = interest     ? interest(values[i])
                           : are_levels ? values[i] / 255
                           : high > low ? (values[i] - low) / (high - low)
                                        : 0;
      level_of[words[i]] =
          static_cast<std::uint8_t>(std::lround(255 * (inverted ? 1 - level : level)));
    }
  }
  std::vector<std::uint8_t> levels(samples.words.size());
  std::ranges::transform(samples.words, levels.begin(),
                         [&](std::uint16_t word) { return level_of[word]; });
  return levels;
}

}  // namespace osteon
