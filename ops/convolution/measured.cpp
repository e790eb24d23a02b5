// The nearest row of the table.
#include "ops/convolution/measured.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace osteon::convolution {
namespace {

#if defined(__x86_64__)
using enum InstructionSet;
using enum Direction;
constexpr Measured kMeasured[] = {
#include "ops/convolution/measured.inc"
};
#endif

enum class Grouping { one, per_channel, other };

Grouping grouping(std::int64_t channels, std::int64_t filters, std::int64_t groups) {
  if (groups == 1) return Grouping::one;
  return groups == channels && groups == filters ? Grouping::per_channel : Grouping::other;
}

bool is_of_class(const Measured& row, const Extents& e) {
  return e.kernel == Spatial(row.kernel) && e.stride == Spatial(row.stride) &&
         grouping(row.channels, row.filters, row.groups) ==
             grouping(e.channels, e.filters, e.groups);
}

double log_ratio(double a, double b) { return std::log2(a) - std::log2(b); }

double squared_distance(const Measured& row, const Extents& e) {
  const double pixels =
      log_ratio(static_cast<double>(row.side * row.side), static_cast<double>(e.pixels));
  const double channels =
      log_ratio(static_cast<double>(row.channels), static_cast<double>(e.channels));
  const double filters =
      log_ratio(static_cast<double>(row.filters), static_cast<double>(e.filters));
  return pixels * pixels + channels * channels + filters * filters;
}

// Speeds that give the order of a class without a row.
Speeds unmeasured(const Extents& e) {
  constexpr std::int64_t kTile = 16;  // a group of fewer channels or filters wastes most of a tile
  const bool is_narrow = grouping(e.channels, e.filters, e.groups) == Grouping::other &&
                         std::min(e.channels, e.filters) / e.groups < kTile;
  Speeds speeds{};
  speeds[static_cast<std::size_t>(is_narrow ? Kernel::onednn : Kernel::direct)] = 1;
  return speeds;
}

}  // namespace

Extents extents_of(const Problem& problem) {
  return {.kernel = {problem.weight.dim(1), problem.weight.dim(2)},
          .stride = problem.options.stride,
          .pixels = problem.y.dim(1) * problem.y.dim(2),
          .channels = problem.x.dim(3),
          .filters = problem.weight.dim(0),
          .groups = problem.options.groups};
}

std::span<const Measured> measured() {
#if defined(__x86_64__)
  return kMeasured;
#else
  return {};
#endif
}

InstructionSet measured_set() { return std::min(instruction_set(), InstructionSet::avx512); }

std::array<Kernel, kKernels> ranked(std::span<const Measured> rows, InstructionSet set,
                                    Direction direction, const Extents& extents) {
  const Measured* nearest = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const Measured& row : rows) {
    if (row.set != set || row.direction != direction || !is_of_class(row, extents)) continue;
    const double distance = squared_distance(row, extents);
    if (distance >= least) continue;
    nearest = &row;
    least = distance;
  }
  const Speeds speeds = nearest == nullptr ? unmeasured(extents) : nearest->speeds;
  std::array<Kernel, kKernels> order;
  for (std::size_t i = 0; i < kKernels; ++i) order[i] = static_cast<Kernel>(i);
  std::ranges::stable_sort(order, std::greater(),
                           [&](Kernel kernel) { return speeds[static_cast<std::size_t>(kernel)]; });
  return order;
}

}  // namespace osteon::convolution
