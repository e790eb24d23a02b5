// All images and all studies of an evaluation, as the diagrams of the report show them.
#pragma once

#include <numeric>
#include <vector>

#include "eval/evaluated_groups.h"

namespace osteon::report {

template <class Outcomes, class Metrics>
struct Level {
  const char* name;
  const char* style;
  Outcomes outcomes;
  const Metrics& metrics;
};

// The images first. outcomes_of(items, positions) returns the Outcomes of images or studies.
template <class Metrics>
auto levels_of(const ImageAndStudy<Metrics>& metrics, const auto& images, const auto& studies,
               const auto& outcomes_of) {
  const auto all = [&](const auto& items) {
    std::vector<std::size_t> positions(items.size());
    std::iota(positions.begin(), positions.end(), std::size_t{0});
    return outcomes_of(items, positions);
  };
  using Each = Level<decltype(all(images)), Metrics>;
  return std::vector{Each{"per image", "image", all(images), metrics.image},
                     Each{"per study", "study", all(studies), metrics.study}};
}

}  // namespace osteon::report
