// The radiographs that the report shows.
#pragma once

#include <cstdint>
#include <vector>

#include "data/cache.h"
#include "eval/model_file.h"
#include "eval/predictions.h"
#include "eval/report/report.h"

namespace osteon {

// Positions in `predictions` of the mistakes with the largest distance from the threshold (relative
// to the width of their side), the largest first, at most `count` and one per study.
std::vector<std::size_t> worst_mistakes(const std::vector<Prediction>& predictions,
                                        double threshold, std::size_t count);

// Positions of correct decisions, a seeded choice, half of them positive and half negative as far
// as possible, at most `count` and one per study.
std::vector<std::size_t> sample_hits(const std::vector<Prediction>& predictions, double threshold,
                                     std::size_t count, std::uint64_t seed);

// Draws radiograph and heat map of a gallery's images; row i of the predictions belongs to sample
// indices[i].
void draw_pictures(Gallery& gallery, const TrainedModel& trained, const PreparedImages& data,
                   const std::vector<std::int64_t>& indices);

}  // namespace osteon
