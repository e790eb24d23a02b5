// How far a figure would move with other patients: 95 % intervals by the bootstrap.
//
// A draw takes as many patients as there are, with replacement, and each drawn patient with all
// images and studies: views of one patient resemble one another, so images must not be drawn
// singly. Source: Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13
// (percentiles).
//
// The expected calibration error of one model gets no interval: a draw holds patients several
// times, which makes every sample look worse calibrated than it is, so that the percentiles can lie
// wholly above the figure itself. In a difference of two models that cancels.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/metrics.h"

namespace osteon {

struct BootstrapOptions {
  std::int64_t draws = 0;  // 0: no intervals
  std::uint64_t seed = 0;
};

// How often each patient is in draw number `draw` of the group of that name: a function of these
// arguments alone.
std::vector<std::int64_t> draw_patients(std::size_t patients, std::uint64_t seed,
                                        const std::string& group, std::int64_t draw);

using FigureValues = std::array<std::optional<double>, kFigureCount>;  // in the order of kFigures
using FigureIntervals = std::array<std::optional<Interval>, kFigureCount>;

FigureValues figure_values(const Metrics& metrics);

// The 2.5 and 97.5 percentiles (linear between neighbours, as numpy's) of each figure over all
// draws; `figures` computes them from how often each patient counts, in any thread. Draws that
// leave a figure undefined are left out; where they are more than one in twenty, or there are fewer
// than two patients, it has no interval.
FigureIntervals bootstrap_intervals(
    std::size_t patients, const std::string& group, const BootstrapOptions& options,
    const std::function<FigureValues(std::span<const std::int64_t> counts)>& figures);

}  // namespace osteon
