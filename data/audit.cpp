// Measures images one by one, then compares them.
#include "data/audit.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "base/checksums.h"
#include "base/error.h"
#include "base/parallel.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kHashRows = 16, kThumbnail = 32;

// The measurements of one image.
struct Measured {
  std::string failure;  // empty if it could be read
  std::string warning;  // the first of the image
  std::int64_t width = 0, height = 0;
  double grey = 0, contrast = 0;
  std::uint64_t file_hash = 0;
  std::array<std::uint64_t, 4> hash{};
  std::vector<float> thumbnail;  // mean 0, norm 1; empty if all pixels have one grey level
};

std::string read_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void measure_levels(const Image& image, Measured& measured) {
  double sum = 0, squares = 0;
  for (const std::uint8_t level : image.pixels) {
    sum += level;
    squares += static_cast<double>(level) * level;
  }
  const auto count = static_cast<double>(image.pixels.size());
  measured.grey = sum / count;
  measured.contrast = std::sqrt(std::max(squares / count - measured.grey * measured.grey, 0.0));
}

void hash_picture(const Image& image, Measured& measured) {
  const Image small = resize(image, kHashRows, kHashRows + 1);
  for (std::int64_t y = 0; y < kHashRows; ++y)
    for (std::int64_t x = 0; x < kHashRows; ++x) {
      const auto bit = static_cast<std::size_t>(y * kHashRows + x);
      if (small.at(y, x + 1) > small.at(y, x))
        measured.hash[bit / 64] |= std::uint64_t{1} << bit % 64;
    }
}

void make_thumbnail(const Image& image, Measured& measured) {
  const Image small = resize(image, kThumbnail, kThumbnail);
  double sum = 0, squares = 0;
  for (const std::uint8_t level : small.pixels) sum += level;
  const double mean = sum / static_cast<double>(small.pixels.size());
  for (const std::uint8_t level : small.pixels) squares += (level - mean) * (level - mean);
  if (squares == 0) return;
  for (const std::uint8_t level : small.pixels)
    measured.thumbnail.push_back(static_cast<float>((level - mean) / std::sqrt(squares)));
}

Measured measure(const fs::path& path) {
  Measured measured;
  try {
    const Image image = read_image(path);
    if (!image.warnings.empty()) measured.warning = image.warnings.front();
    measured.width = image.width;
    measured.height = image.height;
    measure_levels(image, measured);
    hash_picture(image, measured);
    make_thumbnail(image, measured);
    measured.file_hash = fast_checksum(path);
  } catch (const Error& error) {
    measured.failure = error.what();
  }
  return measured;
}

std::vector<Measured> measure_all(const Manifest& manifest, int workers,
                                  const std::function<void(std::int64_t)>& progress) {
  std::vector<Measured> measured(manifest.samples.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&](bool tells) {
    for (std::size_t i; (i = next++) < measured.size();) {
      measured[i] = measure(manifest.root / manifest.samples[i].path);
      if (tells && progress) progress(static_cast<std::int64_t>(i + 1));
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 1; i < workers; ++i) threads.emplace_back(work, false);
  work(true);
  return measured;
}

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {values.front(), median, values.back()};
}

template <class Value>
Spread spread_of(const std::vector<Measured>& measured, const Value& value) {
  std::vector<double> values;
  for (const Measured& each : measured)
    if (each.failure.empty()) values.push_back(static_cast<double>(value(each)));
  return spread_of(std::move(values));
}

// Groups by the hash of the bytes, and then by the bytes themselves.
std::vector<Duplicates> find_exact(const Manifest& manifest,
                                   const std::vector<Measured>& measured) {
  std::map<std::uint64_t, std::vector<std::int64_t>> by_hash;
  for (std::size_t i = 0; i < measured.size(); ++i)
    if (measured[i].failure.empty())
      by_hash[measured[i].file_hash].push_back(static_cast<std::int64_t>(i));
  std::vector<Duplicates> groups;
  for (const auto& [hash, samples] : by_hash) {
    if (samples.size() < 2) continue;
    std::map<std::string, std::vector<std::int64_t>> by_bytes;
    for (const std::int64_t i : samples)
      by_bytes[read_bytes(manifest.root / manifest.samples[static_cast<std::size_t>(i)].path)]
          .push_back(i);
    for (auto& [bytes, same] : by_bytes)
      if (same.size() > 1) groups.push_back({std::move(same), 1});
  }
  std::ranges::sort(groups, {}, [](const Duplicates& group) { return group.samples.front(); });
  return groups;
}

int differing_bits(const Measured& a, const Measured& b) {
  int bits = 0;
  for (std::size_t k = 0; k < a.hash.size(); ++k) bits += std::popcount(a.hash[k] ^ b.hash[k]);
  return bits;
}

std::vector<Duplicates> find_near(const std::vector<Measured>& measured) {
  const auto count = static_cast<std::int64_t>(measured.size());
  std::vector<std::vector<Duplicates>> found(measured.size());
  parallel_for(count, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Measured& a = measured[static_cast<std::size_t>(i)];
      if (a.thumbnail.empty()) continue;
      for (std::int64_t k = 0; k < i; ++k) {
        const Measured& b = measured[static_cast<std::size_t>(k)];
        if (b.thumbnail.empty() || differing_bits(a, b) > kNearBits || a.file_hash == b.file_hash)
          continue;
        const double correlation =
            std::inner_product(a.thumbnail.begin(), a.thumbnail.end(), b.thumbnail.begin(), 0.0);
        if (correlation >= kNearCorrelation)
          found[static_cast<std::size_t>(i)].push_back({{k, i}, std::min(correlation, 1.0)});
      }
    }
  });
  std::vector<Duplicates> pairs;
  for (const auto& of_one : found) pairs.insert(pairs.end(), of_one.begin(), of_one.end());
  return pairs;
}

std::vector<std::string> find_split_patients(const Manifest& manifest) {
  std::map<std::string, std::set<Split>> splits;
  for (const Sample& sample : manifest.samples) splits[sample.patient].insert(sample.split);
  std::vector<std::string> patients;
  for (const auto& [patient, in] : splits)
    if (in.size() > 1) patients.push_back(patient);
  return patients;
}

}  // namespace

DataAudit audit_data(const Manifest& manifest, int workers,
                     const std::function<void(std::int64_t)>& progress) {
  const std::vector<Measured> measured = measure_all(manifest, workers, progress);
  DataAudit audit;
  for (std::size_t i = 0; i < measured.size(); ++i)
    if (measured[i].failure.empty())
      ++audit.readable;
    else
      audit.unreadable.push_back({manifest.samples[i].path, measured[i].failure});
  for (std::size_t i = 0; i < measured.size(); ++i)
    if (!measured[i].warning.empty())
      audit.warned.push_back({manifest.samples[i].path, measured[i].warning});
  audit.width = spread_of(measured, [](const Measured& each) { return each.width; });
  audit.height = spread_of(measured, [](const Measured& each) { return each.height; });
  audit.grey = spread_of(measured, [](const Measured& each) { return each.grey; });
  audit.contrast = spread_of(measured, [](const Measured& each) { return each.contrast; });
  audit.exact = find_exact(manifest, measured);
  audit.near = find_near(measured);
  audit.patients_in_two_splits = find_split_patients(manifest);
  return audit;
}

}  // namespace osteon
