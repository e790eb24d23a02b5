// Prepares a run's data and shows the progress on the terminal.
#include "data/prepare.h"

#include <algorithm>
#include <set>
#include <string>

#include "base/error.h"
#include "base/random.h"
#include "comm/process_group.h"

namespace osteon {
namespace {

constexpr Split kSplits[] = {Split::train, Split::val, Split::test};
constexpr std::size_t kMaxListed = 5;  // images printed on the terminal

// Prints the number of lines and the first of them.
void print_first(Progress& progress, const std::string& title,
                 const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  progress.line(title);
  for (std::size_t i = 0; i < std::min(lines.size(), kMaxListed); ++i)
    progress.line("  " + lines[i]);
  if (lines.size() > kMaxListed)
    progress.line(format("  and ", lines.size() - kMaxListed, " more"));
}

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
    world().mark("reading images", done);
    progress.update(format("reading images  ", done, "/", total));
  });
  progress.line(format("read ", total, " images in ", human_duration(pace.seconds())));
  std::vector<std::string> reasons, warnings;
  for (const auto& [path, reason] : prepared.unreadable) reasons.push_back(reason);
  for (const auto& [path, warning] : prepared.warned) warnings.push_back(path + ": " + warning);
  print_first(progress, format("left out ", reasons.size(), " images that cannot be read:"),
              reasons);
  print_first(progress, format("read ", warnings.size(), " images with a warning:"), warnings);
  return prepared;
}

std::string class_count_key(const std::string& name) { return "labelled " + name; }

nlohmann::ordered_json split_counts(const Manifest& manifest) {
  nlohmann::ordered_json counts;
  for (const Split split : kSplits) {
    std::int64_t images = 0;
    std::vector<std::int64_t> of_class(manifest.classes.size());
    std::set<std::string> studies, patients;
    for (const Sample& sample : manifest.samples) {
      if (sample.split != split) continue;
      ++images;
      for (const std::size_t k : counted_classes(manifest, sample)) ++of_class[k];
      studies.insert(format(sample.patient, '/', sample.part, '/', sample.study));
      patients.insert(sample.patient);
    }
    auto& entry = counts[split_name(split)] = {{"images", images}};
    if (manifest.task == "binary") entry["abnormal"] = of_class[1];
    if (manifest.task != "binary" && manifest.task != "regression")
      for (std::size_t k = 0; k < of_class.size(); ++k)
        entry[class_count_key(manifest.classes[k])] = of_class[k];
    entry["studies"] = studies.size();
    entry["patients"] = patients.size();
  }
  return counts;
}

}  // namespace osteon
