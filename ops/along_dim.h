// A tensor as [outer, extent, inner]: the extents before a dimension, its own, and those after it.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/shape.h"

namespace osteon {

struct AlongDim {
  AlongDim(const Shape& shape, std::int64_t dim) : extent(shape[dim]) {
    for (std::int64_t d = 0; d < dim; ++d) outer *= shape[d];
    for (std::int64_t d = dim + 1; d < shape.rank(); ++d) inner *= shape[d];
  }

  std::int64_t outer = 1, extent, inner = 1;
};

inline Shape with_extent(const Shape& shape, std::int64_t dim, std::int64_t extent) {
  std::vector<std::int64_t> extents = shape.extents();
  extents[static_cast<std::size_t>(dim)] = extent;
  return Shape(std::move(extents));
}

}  // namespace osteon
