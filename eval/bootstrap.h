// 95 % intervals by the bootstrap: how much a figure would vary with other samples of patients.
//
// A draw takes as many patients as there are, with replacement, each with all its images and
// studies. Images are not drawn individually, because those of one patient are similar. Source:
// Efron, Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentiles).
//
// The expected calibration error of one model has no interval: a draw contains patients several
// times, which increases the error, so that both percentiles can be larger than the figure itself.
// In a difference of two models this effect cancels.
#pragma once

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

// How often draw number `draw` takes each patient, for the group (all images, or a body part) of
// that name. The counts depend only on these arguments.
std::vector<std::int64_t> draw_patients(std::size_t patients, std::uint64_t seed,
                                        const std::string& group, std::int64_t draw);

// The figures of a task in a fixed order; those of a binary classifier in the order of kFigures.
using FigureValues = std::vector<std::optional<double>>;
using FigureIntervals = std::vector<std::optional<Interval>>;

FigureValues figure_values(const Metrics& metrics);

// first - second, undefined where one of them is.
FigureValues difference_of(const FigureValues& first, const FigureValues& second);

// The 2.5 and 97.5 percentiles (linear between neighbours, as in numpy) of each of `count` figures
// over all draws. `figures` computes the figures from the counts of the patients; any thread may
// call it. Draws that leave a figure undefined are left out. A figure has no interval if more than
// one draw in twenty is left out, or if there are fewer than two patients.
FigureIntervals bootstrap_intervals(
    std::size_t count, std::size_t patients, const std::string& group,
    const BootstrapOptions& options,
    const std::function<FigureValues(std::span<const std::int64_t> counts)>& figures);

}  // namespace osteon
