// The radiographs that the report shows.
#pragma once

#include <cstdint>
#include <vector>

#include "data/cache.h"
#include "eval/model_file.h"
#include "eval/predictions.h"
#include "eval/report/report.h"

namespace osteon {

// Positions in `predictions` of the mistakes furthest from the threshold (relative to how far its
// side reaches), the worst first, at most `count` and one of a study.
std::vector<std::size_t> worst_mistakes(const std::vector<Prediction>& predictions,
                                        double threshold, std::size_t count);

// Positions of correct decisions, a seeded choice, as far as there are half positive and half
// negative, at most `count` and one of a study.
std::vector<std::size_t> sample_hits(const std::vector<Prediction>& predictions, double threshold,
                                     std::size_t count, std::uint64_t seed);

// Draws radiograph and heat map of a gallery's images; row i of the predictions is of sample
// indices[i].
void draw_pictures(Gallery& gallery, const TrainedModel& trained, const PreparedImages& data,
                   const std::vector<std::int64_t>& indices);

}  // namespace osteon
