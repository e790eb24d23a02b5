// Draws patients and computes percentiles.
#include "eval/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "base/random.h"

namespace osteon {
namespace {

double percentile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - std::floor(place)) * (sorted[above] - sorted[below]);
}

}  // namespace

std::vector<std::int64_t> draw_patients(std::size_t patients, std::uint64_t seed,
                                        const std::string& group, std::int64_t draw) {
  RandomStream random(seed ^ hash_name("bootstrap"), hash_name(group),
                      static_cast<std::uint64_t>(draw));
  std::vector<std::int64_t> counts(patients, 0);
  for (std::size_t i = 0; i < patients; ++i) ++counts[random.below(patients)];
  return counts;
}

FigureValues figure_values(const Metrics& metrics) {
  FigureValues values;
  for (const Figure& figure : kFigures) values.push_back(metrics.*figure.value);
  return values;
}

FigureValues difference_of(const FigureValues& first, const FigureValues& second) {
  FigureValues difference;
  for (std::size_t f = 0; f < first.size(); ++f)
    difference.push_back(first[f] && second[f] ? std::optional(*first[f] - *second[f])
                                               : std::nullopt);
  return difference;
}

FigureIntervals bootstrap_intervals(
    std::size_t count, std::size_t patients, const std::string& group,
    const BootstrapOptions& options,
    const std::function<FigureValues(std::span<const std::int64_t>)>& figures) {
  FigureIntervals intervals(count);
  if (patients < 2 || options.draws == 0) return intervals;
  std::vector<FigureValues> draws(static_cast<std::size_t>(options.draws));
  parallel_for(options.draws, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t draw = begin; draw < end; ++draw)
      draws[static_cast<std::size_t>(draw)] =
          figures(draw_patients(patients, options.seed, group, draw));
  });
  for (std::size_t f = 0; f < intervals.size(); ++f) {
    std::vector<double> values;
    for (const FigureValues& draw : draws)
      if (draw[f]) values.push_back(*draw[f]);
    if (20 * (draws.size() - values.size()) > draws.size()) continue;
    std::ranges::sort(values);
    intervals[f] = Interval{percentile(values, 0.025), percentile(values, 0.975)};
  }
  return intervals;
}

}  // namespace osteon
