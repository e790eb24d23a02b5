// Reads the entries written by scripts/golden/common.py and compares tensors with them.
#include "tests/support/golden_file.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "tensor/safetensors.h"
#include "tests/support/hashed.h"

namespace osteon {
namespace {

// For a tensor of more than kWhole elements, an entry holds kSamples elements, kSums weighted sums
// of all elements (with hashed weights), and the largest absolute value.
constexpr std::int64_t kWhole = 64, kSamples = 32;
constexpr int kSums = 2;

Shape shape_from_text(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::int64_t> extents;
  for (std::int64_t extent = 0; in >> extent;) extents.push_back(extent);
  return Shape(std::move(extents));
}

double largest(const std::vector<double>& numbers) {
  double size = 0;
  for (const double number : numbers) size = std::max(size, std::abs(number));
  return size;
}

double weighted_sum(const std::vector<double>& elements, const HashedSequence& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < elements.size(); ++i) sum += weights.coarse(i) * elements[i];
  return sum;
}

// One number of an entry and its golden value.
struct Comparison {
  std::string what;
  double actual, golden, allowed;
};

std::vector<Comparison> comparisons_with_whole(const std::vector<double>& elements,
                                               const std::vector<double>& golden, double tolerance,
                                               double floor) {
  const double allowed = tolerance * std::max(largest(golden), floor);
  std::vector<Comparison> all;
  for (std::size_t i = 0; i < elements.size(); ++i)
    all.push_back({format("element ", i), elements[i], golden[i], allowed});
  return all;
}

std::vector<Comparison> comparisons_with_summary(const std::string& entry,
                                                 const std::vector<double>& elements,
                                                 const std::vector<double>& golden,
                                                 double tolerance, double floor) {
  const double allowed = tolerance * std::max(golden.back(), floor);
  const double count = static_cast<double>(elements.size());
  const HashedSequence places(entry + "/places");
  std::vector<Comparison> all;
  for (std::size_t i = 0; i < kSamples; ++i) {
    const auto place = static_cast<std::size_t>(places.bits(i) % elements.size());
    all.push_back({format("element ", place), elements[place], golden[i], allowed});
  }
  for (int i = 0; i < kSums; ++i)
    all.push_back({format("weighted sum ", i),
                   weighted_sum(elements, HashedSequence(format(entry, "/weights", i))),
                   golden[static_cast<std::size_t>(kSamples + i)], allowed * std::sqrt(count)});
  all.push_back({"largest size", largest(elements), golden.back(), allowed});
  return all;
}

}  // namespace

GoldenFile::GoldenFile(const std::string& name) : name_(name) {
  const NamedTensors contents = read_safetensors(std::string(OSTEON_TEST_DATA) + "/" + name);
  for (const auto& [entry, tensor] : contents.tensors) {
    const auto summarised = contents.metadata.find(entry);
    entries_[entry] = {summarised == contents.metadata.end() ? tensor.shape()
                                                             : shape_from_text(summarised->second),
                       tensor.to_vector()};
  }
  texts_.insert(contents.metadata.begin(), contents.metadata.end());
}

std::string GoldenFile::text(const std::string& name) const {
  const auto found = texts_.find(name);
  return found == texts_.end() ? "" : found->second;
}

double GoldenFile::number(const std::string& entry) {
  const auto found = entries_.find(entry);
  OSTEON_CHECK(found != entries_.end() && found->second.numbers.size() == 1, entry,
               ": no such golden number");
  used_.insert(entry);
  return found->second.numbers[0];
}

std::string GoldenFile::difference(const std::string& entry, const Tensor& tensor, double tolerance,
                                   double floor) {
  const auto found = entries_.find(entry);
  if (found == entries_.end())
    return format(entry, ": no such entry in tests/golden/", name_,
                  "; run the script in scripts/golden/ that writes it");
  used_.insert(entry);
  const auto& [shape, golden] = found->second;
  if (tensor.shape() != shape) return format(entry, ": shape ", tensor.shape(), ", golden ", shape);
  const std::vector<double> elements = tensor.to_vector();
  const auto all = shape.numel() <= kWhole
                       ? comparisons_with_whole(elements, golden, tolerance, floor)
                       : comparisons_with_summary(entry, elements, golden, tolerance, floor);
  for (const Comparison& each : all)
    // In this form a NaN counts as a difference.
    if (!(std::abs(each.actual - each.golden) <= each.allowed)) {
      std::ostringstream text;
      text.precision(17);
      text << entry << ": " << each.what << " is " << each.actual << ", golden " << each.golden
           << ", off by " << each.actual - each.golden << ", allowed " << each.allowed;
      return text.str();
    }
  return "";
}

std::set<std::string> GoldenFile::unused() const {
  std::set<std::string> names;
  for (const auto& [entry, numbers] : entries_)
    if (!used_.contains(entry)) names.insert(entry);
  return names;
}

}  // namespace osteon
