// The factors of Strassen's seven products.
//
// A block of the left factor is cut into quarters of kTileRows rows and `half` inner elements, a
// block of the right factor into quarters of `half` inner elements and kTileColumns columns:
//
//     | A11 A12 |       | B11 B12 |
//     | A21 A22 |       | B21 B22 |
//
// and each of the seven products multiplies a sum of quarters of A by one of B (strassen.cpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "ops/cpu/convolution/pack.h"

namespace osteon::cpu::OSTEON_CPU_SET::strassen {

inline constexpr int kProducts = 7;
inline constexpr std::int64_t kUnitRows = 2 * kTileRows, kPairColumns = 2 * kTileColumns;

// A matrix in memory; one of the strides is 1.
struct StridedMatrix {
  const float* first;
  std::int64_t rows, columns;
  std::int64_t row_stride, column_stride;

  const float* at(std::int64_t row, std::int64_t column) const {
    return first + row * row_stride + column * column_stride;
  }
};

// Inner elements [begin, begin + 2 half) of both factors; those from `end` on are 0.
struct InnerBlock {
  std::int64_t begin, end, half;
  bool is_whole() const { return begin + 2 * half <= end; }
};

// So many inner elements are copied at once that their quarters stay in the L1 cache.
inline constexpr std::int64_t kChunk = 32;

// Calls copy(half, begin, count) for the two halves' chunks of a block, which are `count` inner
// elements from `begin` on and then zeros, and combine(offset, count) with their place in a half.
template <class Copy, class Combine>
void for_each_chunk(const InnerBlock& block, const Copy& copy, const Combine& combine) {
  for (std::int64_t offset = 0; offset < block.half; offset += kChunk) {
    const std::int64_t length = std::min(kChunk, block.half - offset);
    for (std::size_t half = 0; half < 2; ++half) {
      const std::int64_t begin =
          block.begin + static_cast<std::int64_t>(half) * block.half + offset;
      copy(half, begin, std::clamp<std::int64_t>(block.end - begin, 0, length));
    }
    combine(offset, length);
  }
}

// Where the left factors of one unit of rows go: factor p at first + p * factor_pitch, as
// [kTileRows][half]; those of a transposed matrix as [half][kTileRows].
struct LeftFactors {
  float* first;
  std::int64_t factor_pitch, half;
};

// Sums of `count` elements of four quarters, from to[0] on; the next factor is `factor_pitch`
// later. If `copies`, also the quarters that are factors themselves.
template <bool copies>
[[gnu::always_inline]] inline void combine_left(const std::array<const float*, 4>& quarters,
                                                std::int64_t count, float* to,
                                                std::int64_t factor_pitch) {
  // Not a structured binding: clang 16 ends with a fault on one in such a loop.
  const float *const a11 = quarters[0], *const a12 = quarters[1];
  const float *const a21 = quarters[2], *const a22 = quarters[3];
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float s1 = a21[i] + a22[i], s2 = s1 - a11[i];
    if constexpr (copies) {
      to[i] = a11[i];
      to[i + factor_pitch] = a12[i];
      to[i + 5 * factor_pitch] = a22[i];
    }
    to[i + 2 * factor_pitch] = s2;
    to[i + 3 * factor_pitch] = a11[i] - a21[i];
    to[i + 4 * factor_pitch] = s1;
    to[i + 6 * factor_pitch] = a12[i] - s2;
  }
}

// Whether a unit of rows has all its rows and inner elements.
inline bool is_whole(const StridedMatrix& a, std::int64_t row, const InnerBlock& block) {
  return row + kUnitRows <= a.rows && block.is_whole();
}
// Whether the factors that are quarters of `a` can be read where they are.
inline bool is_in_place(const StridedMatrix& a, std::int64_t row, const InnerBlock& block) {
  return a.column_stride == 1 && is_whole(a, row, block);
}

// The left factors of rows [row, row + kUnitRows) by way of a copy: where rows or inner elements
// are missing.
inline void copy_left(const StridedMatrix& a, std::int64_t row, const InnerBlock& block,
                      const LeftFactors& to) {
  const bool is_transposed = a.row_stride == 1;
  const std::int64_t row_step = is_transposed ? 1 : kChunk, step = is_transposed ? kUnitRows : 1;
  const std::int64_t rows = std::min(a.rows - row, kUnitRows), lower = kTileRows * row_step;
  float halves[2][kUnitRows * kChunk];
  for_each_chunk(
      block,
      [&](std::size_t half, std::int64_t begin, std::int64_t count) {
        std::fill_n(halves[half], kUnitRows * kChunk, 0.0F);
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t c = 0; c < count; ++c)
            halves[half][r * row_step + c * step] = *a.at(row + r, begin + c);
      },
      [&](std::int64_t offset, std::int64_t count) {
        const std::int64_t lines = is_transposed ? count : kTileRows;
        for (std::int64_t line = 0; line < lines; ++line) {
          const std::int64_t at = line * (is_transposed ? kUnitRows : kChunk);
          const float *const first = halves[0] + at, *const second = halves[1] + at;
          combine_left<true>(
              {first, second, first + lower, second + lower}, is_transposed ? kTileRows : count,
              to.first + (is_transposed ? (offset + line) * kTileRows : line * to.half + offset),
              to.factor_pitch);
        }
      });
}

// The same for a transposed matrix of which nothing is missing.
inline void make_transposed_left(const StridedMatrix& a, std::int64_t row, const InnerBlock& block,
                                 const LeftFactors& to) {
  constexpr std::int64_t kAhead = 16;
  const std::int64_t inner_step = a.column_stride;
  for (std::int64_t c = 0; c < block.half; ++c) {
    const float* const first = a.at(row, block.begin + c);
    const float* const second = first + block.half * inner_step;
    __builtin_prefetch(first + kAhead * inner_step);
    __builtin_prefetch(second + kAhead * inner_step);
    combine_left<true>({first, second, first + kTileRows, second + kTileRows}, kTileRows,
                       to.first + c * kTileRows, to.factor_pitch);
  }
}

// The left factors of rows [row, row + kUnitRows), without those that are read in place.
inline void make_left(const StridedMatrix& a, std::int64_t row, const InnerBlock& block,
                      const LeftFactors& to) {
  if (!is_whole(a, row, block)) return copy_left(a, row, block, to);
  if (a.column_stride != 1) return make_transposed_left(a, row, block, to);
  for (std::int64_t r = row; r < row + kUnitRows; ++r)
    for (std::int64_t c = 0; c < 2 * block.half; c += kCacheLine)
      __builtin_prefetch(a.at(r + kUnitRows, block.begin + c));
  for (std::int64_t r = 0; r < kTileRows; ++r) {
    const float* const upper = a.at(row + r, block.begin);
    const float* const lower = a.at(row + kTileRows + r, block.begin);
    combine_left<false>({upper, upper + block.half, lower, lower + block.half}, block.half,
                        to.first + r * block.half, to.factor_pitch);
  }
}

// Where the right factors of one pair of panels go: factor p at first + p * factor_pitch, as
// [half][kTileColumns].
struct RightFactors {
  float* first;
  std::int64_t factor_pitch;
};

// From `count` rows of four quarters, which are `pitch` apart, from row `offset` of the factors on.
inline void combine_right(const std::array<const float*, 4>& quarters, std::int64_t pitch,
                          std::int64_t offset, std::int64_t count, const RightFactors& to) {
  for (std::int64_t c = 0; c < count; ++c) {
    const float *const b11 = quarters[0] + c * pitch, *const b12 = quarters[1] + c * pitch;
    const float *const b21 = quarters[2] + c * pitch, *const b22 = quarters[3] + c * pitch;
    float* const out = to.first + (offset + c) * kTileColumns;
#pragma omp simd
    for (std::int64_t j = 0; j < kTileColumns; ++j) {
      const float t1 = b12[j] - b11[j], t2 = b22[j] - t1;
      out[j] = b11[j];
      out[j + to.factor_pitch] = b21[j];
      out[j + 2 * to.factor_pitch] = t2;
      out[j + 3 * to.factor_pitch] = b22[j] - b12[j];
      out[j + 4 * to.factor_pitch] = t1;
      out[j + 5 * to.factor_pitch] = b21[j] - t2;
      out[j + 6 * to.factor_pitch] = b22[j];
    }
  }
}

// The right factors of columns [column, column + kPairColumns) by way of a copy: for a transposed
// matrix, and where columns or inner elements are missing.
inline void copy_right(const StridedMatrix& b, std::int64_t column, const InnerBlock& block,
                       const RightFactors& to) {
  float quarters[4][kTileColumns * kChunk];
  for_each_chunk(
      block,
      [&](std::size_t half, std::int64_t begin, std::int64_t count) {
        for (std::size_t panel = 0; panel < 2; ++panel) {
          float* const quarter = quarters[2 * half + panel];
          const std::int64_t first = column + static_cast<std::int64_t>(panel) * kTileColumns;
          const std::int64_t columns = std::clamp<std::int64_t>(b.columns - first, 0, kTileColumns);
          if (columns == 0 || count < kChunk) std::fill_n(quarter, kTileColumns * kChunk, 0.0F);
          if (columns > 0)
            pack_columns(b.at(begin, first), b.row_stride, count, b.column_stride, columns,
                         quarter);
        }
      },
      [&](std::int64_t offset, std::int64_t count) {
        combine_right({quarters[0], quarters[1], quarters[2], quarters[3]}, kTileColumns, offset,
                      count, to);
      });
}

inline void make_right(const StridedMatrix& b, std::int64_t column, const InnerBlock& block,
                       const RightFactors& to) {
  if (b.column_stride != 1 || column + kPairColumns > b.columns || !block.is_whole())
    return copy_right(b, column, block, to);
  const float* const first = b.at(block.begin, column);
  const float* const second = first + block.half * b.row_stride;
  for (std::int64_t c = 0; c < block.half; c += kChunk) {
    const std::int64_t count = std::min(kChunk, block.half - c);
    for (std::int64_t i = c; i < c + count; ++i)  // of the next pair
      for (std::int64_t line = 0; line < kPairColumns; line += kCacheLine) {
        __builtin_prefetch(first + i * b.row_stride + kPairColumns + line);
        __builtin_prefetch(second + i * b.row_stride + kPairColumns + line);
      }
    const float *const upper = first + c * b.row_stride, *const lower = second + c * b.row_stride;
    combine_right({upper, upper + kTileColumns, lower, lower + kTileColumns}, b.row_stride, c,
                  count, to);
  }
}

}  // namespace osteon::cpu::OSTEON_CPU_SET::strassen
