// Small tensors whose elements the host computes (positions, weights of interpolation), and choices
// of elements by position. Private to the ops.
#pragma once

#include <vector>

#include "ops/kernels.h"

namespace osteon {

inline Tensor constant(const std::vector<double>& numbers, Shape shape, DType dtype,
                       const Device& device) {
  const Tensor y(std::move(shape), dtype, device);
  OSTEON_DISPATCH(y, write_numbers(numbers, y));
  return y;
}

// Elements position(0), ..., position(count - 1) of dimension dim.
template <class Position>
Tensor select(const Tensor& x, std::int64_t dim, std::int64_t count, const Position& position) {
  std::vector<double> positions;
  for (std::int64_t i = 0; i < count; ++i) positions.push_back(static_cast<double>(position(i)));
  return index_select(x, constant(positions, {count}, DType::i64, x.device()), dim);
}

}  // namespace osteon
