// The rule of broadcasting and its gradient, for the ops whose inputs broadcast. Private to the
// ops.
#pragma once

#include <algorithm>
#include <vector>

#include "ops/kernels.h"

namespace osteon {

// The shape of `shape` broadcast with `other`.
inline Shape broadcast_shape(const char* op, const Shape& shape, const Shape& other) {
  const std::int64_t rank = std::max(shape.rank(), other.rank());
  std::vector<std::int64_t> extents(static_cast<std::size_t>(rank), 1);
  for (std::int64_t d = 1; d <= rank; ++d) {
    const std::int64_t one = d <= shape.rank() ? shape[-d] : 1;
    const std::int64_t two = d <= other.rank() ? other[-d] : 1;
    OSTEON_CHECK(one == two || one == 1 || two == 1, op, ": shapes ", shape, " and ", other,
                 " do not broadcast: dimension ", -d, " is ", one, " and ", two);
    extents[static_cast<std::size_t>(rank - d)] = one == 1 ? two : one;
  }
  return Shape(std::move(extents));
}

// The gradient of broadcasting: the sum over the repeated dimensions.
inline Tensor sum_to(const Tensor& gradient, const Shape& shape) {
  if (gradient.shape() == shape) return gradient;
  std::vector<std::int64_t> extents(static_cast<std::size_t>(gradient.rank() - shape.rank()), 1);
  extents.insert(extents.end(), shape.extents().begin(), shape.extents().end());
  const Tensor result(Shape(std::move(extents)), gradient.dtype(), gradient.device());
  OSTEON_DISPATCH(gradient, reduce_sum(gradient, 1.0, result));
  return result.view(shape);
}

}  // namespace osteon
