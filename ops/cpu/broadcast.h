// Index calculation for broadcasting and reductions: the element of a small tensor (with extents of
// 1) that corresponds to an element of a large one.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/shape.h"

namespace osteon::cpu {

// The large tensor as lines along its last dimension. offset(line) is the start of the small
// tensor's line; step() is 0 or 1, its increment within the line.
class BroadcastLines {
 public:
  // `small` broadcasts to `large`: aligned at the right, extents equal or 1.
  BroadcastLines(const Shape& small, const Shape& large) {
    std::int64_t stride = 1;
    for (std::int64_t d = 1; d <= large.rank(); ++d) {
      const std::int64_t extent = d <= small.rank() ? small[-d] : 1;
      const std::int64_t step = extent == 1 ? 0 : stride;
      if (d == 1)
        step_ = step;
      else
        add_level(large[-d], step);
      stride *= extent;
    }
    length_ = large.rank() == 0 ? 1 : large[-1];
    lines_ = length_ == 0 ? 0 : large.numel() / length_;
  }

  std::int64_t lines() const { return lines_; }
  std::int64_t length() const { return length_; }
  std::int64_t step() const { return step_; }
  std::int64_t offset(std::int64_t line) const {
    if (levels_.empty()) return 0;
    std::int64_t result = 0;
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
      result += line % levels_[i].extent * levels_[i].stride;
      line /= levels_[i].extent;
    }
    return result + line * levels_.back().stride;
  }

 private:
  // A dimension that continues where the inner one ends is merged with it, which saves divisions.
  void add_level(std::int64_t extent, std::int64_t stride) {
    if (extent == 1) return;
    if (!levels_.empty() && stride == levels_.back().extent * levels_.back().stride)
      levels_.back().extent *= extent;
    else
      levels_.push_back({extent, stride});
  }

  struct Level {
    std::int64_t extent, stride;
  };
  std::vector<Level> levels_;  // all dimensions but the last, innermost first
  std::int64_t length_ = 1, lines_ = 1, step_ = 0;
};

}  // namespace osteon::cpu
