// The radiographs that the report shows.
#pragma once

#include <cstdint>
#include <vector>

#include "data/cache.h"
#include "eval/model_file.h"
#include "eval/report/report.h"
#include "eval/study_groups.h"

namespace osteon {

// A decision that may be shown.
struct ShownDecision {
  const ImageOrigin* image;
  std::size_t label = 0;
  bool is_right = false;
  double confidence = 0;  // any unit
};

// Positions of the most confident mistakes, most confident first. At most `count`, and one per
// study.
std::vector<std::size_t> worst_mistakes(const std::vector<ShownDecision>& decisions,
                                        std::size_t count);

// Positions of correct decisions, chosen at random with `seed`: of each label below `labels` an
// equal share of `count`, at least one, from the last label to the first, and at most one per
// study.
std::vector<std::size_t> sample_hits(const std::vector<ShownDecision>& decisions,
                                     std::size_t labels, std::size_t count, std::uint64_t seed);

// Draws the radiograph and the heat map of each image of a gallery. Row i of the predictions
// belongs to sample indices[i].
void draw_images(Gallery& gallery, const TrainedModel& trained, const PreparedImages& data,
                 const std::vector<std::int64_t>& indices);

}  // namespace osteon
