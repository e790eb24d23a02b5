// The radiographs that the report shows.
#pragma once

#include <cstdint>
#include <vector>

#include "data/cache.h"
#include "eval/model_file.h"
#include "eval/predictions.h"
#include "eval/report/report.h"

namespace osteon {

// Positions in `predictions` of the mistakes with the largest distance from the threshold, largest
// first; the distance is divided by the largest possible one on that side (threshold, or 1 -
// threshold). At most `count`, and one per study.
std::vector<std::size_t> worst_mistakes(const std::vector<Prediction>& predictions,
                                        double threshold, std::size_t count);

// Positions of correct decisions, chosen at random with `seed`: up to count / 2 positive and as
// many negative ones, at most one per study.
std::vector<std::size_t> sample_hits(const std::vector<Prediction>& predictions, double threshold,
                                     std::size_t count, std::uint64_t seed);

// Draws the radiograph and the heat map of each image of a gallery. Row i of the predictions
// belongs to sample indices[i].
void draw_images(Gallery& gallery, const TrainedModel& trained, const PreparedImages& data,
                 const std::vector<std::int64_t>& indices);

}  // namespace osteon
