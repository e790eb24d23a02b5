// The policies of --positive-weight.
#include "eval/sample_weights.h"

#include <array>
#include <charconv>
#include <functional>
#include <map>

#include "base/error.h"

namespace osteon {
namespace {

using Counts = std::array<double, 2>;  // training images by label

std::map<std::string, Counts> count_by_part(const Manifest& manifest) {
  std::map<std::string, Counts> counts;
  for (const Sample& sample : manifest.samples)
    if (sample.split == Split::train) ++counts[sample.part][static_cast<std::size_t>(sample.label)];
  return counts;
}

double balanced_weight(const Manifest& manifest) {
  Counts total{};
  for (const auto& [part, counts] : count_by_part(manifest))
    for (std::size_t label = 0; label < 2; ++label) total[label] += counts[label];
  OSTEON_CHECK(total[0] > 0 && total[1] > 0, "positive weight balanced: the training split has ",
               total[0], " ", manifest.classes[0], " and ", total[1], " ", manifest.classes[1],
               " images; it needs both classes; use none or a number");
  return total[0] / total[1];
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

std::vector<double> sample_weights(const Manifest& manifest, const std::string& policy) {
  if (policy == "paper") {
    auto counts = count_by_part(manifest);
    return weigh(manifest, [&](const Sample& sample) {
      const Counts& part = counts[sample.part];
      const double total = part[0] + part[1];
      return total == 0 ? 0 : part[sample.label == 1 ? 0 : 1] / total;
    });
  }
  const double positive = policy == "balanced" ? balanced_weight(manifest)
                          : policy == "none"   ? 1.0
                                               : parse_weight(policy);
  return weigh(manifest, [&](const Sample& sample) { return sample.label == 1 ? positive : 1.0; });
}

}  // namespace osteon
