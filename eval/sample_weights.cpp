// The policies of --positive-weight.
#include "eval/sample_weights.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace osteon {
namespace {

using Counts = std::vector<double>;  // training images by label

using CountsByPart = std::map<std::string, Counts>;

CountsByPart count_by_part(const Manifest& manifest) {
  CountsByPart counts;
  for (const Sample& sample : manifest.samples)
    if (sample.split == Split::train) {
      Counts& of_part = counts[sample.part];
      of_part.resize(manifest.classes.size());
      ++of_part[static_cast<std::size_t>(sample.label)];
    }
  return counts;
}

Counts total_of(const CountsByPart& parts, const Manifest& manifest) {
  Counts total(manifest.classes.size());
  for (const auto& [part, counts] : parts)
    for (std::size_t label = 0; label < total.size(); ++label) total[label] += counts[label];
  return total;
}

// The counts of the training split. Throws Error unless it has both classes.
Counts both_counts(const CountsByPart& parts, const Manifest& manifest, const std::string& policy) {
  Counts total = total_of(parts, manifest);
  OSTEON_CHECK(total[0] > 0 && total[1] > 0, "positive weight ", policy,
               ": the training split has ", total[0], " ", manifest.classes[0], " and ", total[1],
               " ", manifest.classes[1],
               " images; it needs both classes; use --positive-weight none or a number");
  return total;
}

double parse_weight(const std::string& policy) {
  double weight = 0;
  const char* end = policy.data() + policy.size();
  const auto [rest, error] = std::from_chars(policy.data(), end, weight);
  if (error != std::errc() || rest != end || !(weight > 0) || !(weight < 1e6))
    throw UsageError(format("positive weight '", policy,
                            "': expected paper, balanced, none or a number above 0"));
  return weight;
}

std::vector<double> weigh(const Manifest& manifest,
                          const std::function<double(const Sample&)>& weight) {
  std::vector<double> weights;
  weights.reserve(manifest.samples.size());
  for (const Sample& sample : manifest.samples) weights.push_back(weight(sample));
  return weights;
}

}  // namespace

void check_weight_policy(const std::string& policy) {
  if (policy != "paper" && policy != "balanced" && policy != "none") parse_weight(policy);
}

std::vector<double> sample_weights(const Manifest& manifest, const std::string& policy,
                                   const std::function<void(const std::string&)>& warn) {
  const CountsByPart counts = count_by_part(manifest);
  if (policy == "paper") {
    both_counts(counts, manifest, policy);
    for (const auto& [part, both] : counts)
      if (both[0] == 0 || both[1] == 0)
        warn(format("the training images of ", part.empty() ? "no part" : part, " are all ",
                    manifest.classes[both[0] == 0 ? 1 : 0], "; their weight is 1"));
    return weigh(manifest, [&](const Sample& sample) {
      const auto part = counts.find(sample.part);
      if (part == counts.end() || part->second[0] == 0 || part->second[1] == 0) return 1.0;
      const double normal = part->second[0], abnormal = part->second[1];
      return (sample.label == 1 ? normal : abnormal) / (normal + abnormal);
    });
  }
  double positive = 1;
  if (policy == "balanced") {
    const Counts total = both_counts(counts, manifest, policy);
    positive = total[0] / total[1];
  } else if (policy != "none") {
    positive = parse_weight(policy);
  }
  return weigh(manifest, [&](const Sample& sample) { return sample.label == 1 ? positive : 1.0; });
}

LabelWeights label_weights(double positives, double negatives, const std::string& policy) {
  if (policy != "paper" && policy != "balanced" && policy != "none")
    return {.yes = parse_weight(policy)};
  if (policy == "none" || positives == 0 || negatives == 0) return {};
  if (policy == "balanced") return {.yes = negatives / positives};
  return {negatives / (positives + negatives), positives / (positives + negatives)};
}

void weigh_sets(std::vector<double>& weights, const Manifest& manifest,
                const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    const std::size_t equals = std::min(value.find('='), value.size());
    const std::string name = value.substr(0, equals);
    const auto set =
        static_cast<std::size_t>(std::ranges::find(manifest.sets, name) - manifest.sets.begin());
    if (set == manifest.sets.size() || equals == value.size())
      throw UsageError(format("--sample-weight ", value, ": expected NAME=WEIGHT with the name of ",
                              manifest.sets.empty() ? "a joined data set (--data NAME=DIR)"
                                                    : "a data set: " + join(manifest.sets)));
    double weight = 0;
    const char* const end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data() + equals + 1, end, weight);
    if (error != std::errc() || rest != end || !(weight > 0) || !(weight < 1e6))
      throw UsageError("--sample-weight " + value + ": the weight is not a number above 0");
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (set_of(manifest, manifest.samples[i]) == set) weights[i] *= weight;
  }
}

std::vector<double> class_weights(const Manifest& manifest, const std::string& policy,
                                  const std::function<void(const std::string&)>& warn) {
  if (policy != "paper" && policy != "balanced" && policy != "none")
    throw UsageError(format("--positive-weight ", policy,
                            ": with several classes, choose paper, balanced or none"));
  const CountsByPart parts = count_by_part(manifest);
  const Counts total = total_of(parts, manifest);
  for (std::size_t k = 0; k < total.size(); ++k)
    if (total[k] == 0) {
      OSTEON_CHECK(policy != "balanced", "positive weight balanced: the training split has no ",
                   manifest.classes[k], " image; use --positive-weight none");
      warn(format("the training split has no ", manifest.classes[k], " image"));
    }
  if (policy == "none") return weigh(manifest, [](const Sample&) { return 1.0; });
  const auto label_of = [](const Sample& sample) { return static_cast<std::size_t>(sample.label); };
  if (policy == "balanced") {
    const double n = std::reduce(total.begin(), total.end());
    return weigh(manifest, [&](const Sample& sample) {
      return n / (static_cast<double>(total.size()) * total[label_of(sample)]);
    });
  }
  return weigh(manifest, [&](const Sample& sample) {
    const auto part = parts.find(sample.part);
    if (part == parts.end() || part->second[label_of(sample)] == 0) return 1.0;
    double sum = 0;
    for (const double count : part->second) sum += count > 0 ? 1 / count : 0;
    return 1 / (part->second[label_of(sample)] * sum);
  });
}

}  // namespace osteon
