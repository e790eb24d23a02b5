// Products of matrices that are in the cache: in f32 by the register tile of convolutions
// (convolution/tile.h), in f64 by Eigen. All rows are `pitch` elements apart, and a whole number of
// tiles long: padded(columns) elements of each row are read and written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "ops/cpu/convolution/pack.h"
#include "ops/cpu/matrix.h"

namespace osteon::cpu::OSTEON_CPU_SET {

// The next whole number of tiles.
inline std::int64_t padded(std::int64_t columns) {
  return (columns + kTileColumns - 1) / kTileColumns * kTileColumns;
}

struct Range {
  std::int64_t begin, count;
};

template <class A>
struct Rows {
  A* first;
  std::int64_t pitch;
  A* row(std::int64_t i) const { return first + i * pitch; }
};

// The right factor of products, in the order in which tiles read it: for each kTileColumns columns
// a panel with one row per channel.
template <class A>
class RightFactor {
 public:
  RightFactor(std::int64_t channels, std::int64_t columns)
      : channels_(channels),
        columns_(columns),
        memory_(zeros({padded(columns) * channels}, dtype_of<A>())),
        packed_(memory_.template data<A>()) {}

  // The element of channel c and column j is from[c * channel_stride + j * column_stride].
  void set(const A* from, std::int64_t channel_stride, std::int64_t column_stride) {
    for (std::int64_t j = 0; j < columns_; j += kTileColumns)
      pack_columns(from + j * column_stride, channel_stride, channels_, column_stride,
                   std::min<std::int64_t>(kTileColumns, columns_ - j), panel(j));
  }

  // result (+)= left . the block of these channels and columns; `columns` begins at a panel, and
  // result.row(i)[0] is its first column.
  void multiply(const Rows<const A>& left, std::int64_t rows, Range channels, Range columns,
                const Rows<A>& result, bool adds) const {
    for (std::int64_t j = 0; j < columns.count; j += kTileColumns) {
      const A* const filters = panel(columns.begin + j) + channels.begin * kTileColumns;
      for (std::int64_t i = 0; i < rows; i += kTileRows)
        multiply_block({left.row(i), left.pitch}, std::min<std::int64_t>(kTileRows, rows - i),
                       filters, channels.count, {result.row(i) + j, result.pitch}, adds);
    }
  }

 private:
  A* panel(std::int64_t column) const { return packed_ + column * channels_; }

  static void multiply_block(const Rows<const A>& left, std::int64_t rows, const A* filters,
                             std::int64_t channels, const Rows<A>& result, bool adds) {
    if constexpr (std::is_same_v<A, float>) {
      const float* inputs[kTileRows];
      float* outputs[kTileRows];
      for (std::int64_t i = 0; i < rows; ++i) {
        inputs[i] = left.row(i);
        outputs[i] = result.row(i);
      }
      const Run run{0, 0, channels};
      const Tile tile{.inputs = inputs,
                      .taps = 1,
                      .runs = &run,
                      .run_count = 1,
                      .filters = filters,
                      .outputs = outputs,
                      .column = 0,
                      .columns = kTileColumns,
                      .adds = adds};
      with_rows(rows, [&]<int n>() { multiply_tile<n>(tile); });
    } else {
      auto to = matrix(result.first, rows, kTileColumns, result.pitch);
      if (!adds) to.setZero();
      to.noalias() += matrix(left.first, rows, channels, left.pitch)
                          .lazyProduct(matrix(filters, channels, kTileColumns, kTileColumns));
    }
  }

  std::int64_t channels_, columns_;
  Tensor memory_;
  A* packed_;
};

// result += left^T right: the sum over `count` rows of both; `rows` of the result and `columns`
// that are a whole number of tiles.
template <class A>
void add_outer_products(const Rows<const A>& left, const Rows<const A>& right, std::int64_t count,
                        std::int64_t rows, std::int64_t columns, const Rows<A>& result) {
  if constexpr (std::is_same_v<A, float>) {
    for (std::int64_t j = 0; j < columns; j += kTileColumns)
      for (std::int64_t i = 0; i < rows; i += kTileRows) {
        const OuterTile tile{.left = left.first + i,
                             .left_pitch = left.pitch,
                             .right = right.first + j,
                             .right_pitch = right.pitch,
                             .count = count,
                             .sums = result.row(i) + j,
                             .pitch = result.pitch,
                             .columns = kTileColumns,
                             .adds = true};
        with_rows(std::min<std::int64_t>(kTileRows, rows - i),
                  [&]<int n>() { add_up_tile<n>(tile); });
      }
  } else {
    add_transposed_product(matrix(left.first, count, rows, left.pitch),
                           matrix(right.first, count, columns, right.pitch),
                           matrix(result.first, rows, columns, result.pitch));
  }
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
