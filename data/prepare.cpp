// Prepares a run's data and shows the progress on the terminal.
#include "data/prepare.h"

#include <algorithm>
#include <set>
#include <string>

#include "base/error.h"
#include "base/random.h"

namespace osteon {
namespace {

constexpr Split kSplits[] = {Split::train, Split::val, Split::test};
constexpr std::size_t kMaxListed = 5;  // unreadable images printed on the terminal

}  // namespace

void limit_splits(Manifest& manifest, std::int64_t limit, std::uint64_t seed) {
  if (limit == 0) return;
  std::vector<Sample> kept;
  for (const Split split : kSplits) {
    std::vector<Sample> samples;
    for (const Sample& sample : manifest.samples)
      if (sample.split == split) samples.push_back(sample);
    RandomStream random(seed, hash_name("limit"), static_cast<std::uint64_t>(split));
    const auto order = permutation(static_cast<std::int64_t>(samples.size()), random);
    for (std::int64_t i = 0; i < std::min(limit, static_cast<std::int64_t>(order.size())); ++i)
      kept.push_back(samples[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
  }
  std::ranges::sort(kept, {}, &Sample::name);
  manifest.samples = std::move(kept);
}

PreparedImages prepare_with_progress(const Manifest& manifest, const CacheOptions& options,
                                     Progress& progress) {
  const auto total = static_cast<std::int64_t>(manifest.samples.size());
  const Pace pace(total);
  PreparedImages prepared = prepare_images(manifest, options, [&](std::int64_t done) {
    progress.update(format("reading images  ", done, "/", total));
  });
  progress.line(format("read ", total, " images in ", human_duration(pace.seconds())));
  const auto& bad = prepared.unreadable;
  if (!bad.empty()) progress.line(format("left out ", bad.size(), " images that cannot be read:"));
  for (std::size_t i = 0; i < std::min(bad.size(), kMaxListed); ++i)
    progress.line("  " + bad[i].reason);
  if (bad.size() > kMaxListed) progress.line(format("  and ", bad.size() - kMaxListed, " more"));
  return prepared;
}

nlohmann::ordered_json split_counts(const Manifest& manifest) {
  nlohmann::ordered_json counts;
  for (const Split split : kSplits) {
    std::int64_t images = 0, abnormal = 0;
    std::set<std::string> studies, patients;
    for (const Sample& sample : manifest.samples) {
      if (sample.split != split) continue;
      ++images;
      abnormal += sample.label;
      studies.insert(format(sample.patient, '/', sample.part, '/', sample.study));
      patients.insert(sample.patient);
    }
    counts[split_name(split)] = {{"images", images},
                                 {"abnormal", abnormal},
                                 {"studies", studies.size()},
                                 {"patients", patients.size()}};
  }
  return counts;
}

}  // namespace osteon
