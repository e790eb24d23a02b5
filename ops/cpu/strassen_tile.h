// The innermost loop of Strassen's algorithm: one product of a pair of tiles, in registers, and
// what follows it (strassen.cpp).
#pragma once

#include <cstdint>

#include "ops/cpu/convolution/tile.h"

namespace osteon::cpu::OSTEON_CPU_SET::strassen {

using Tile = Sums<kTileRows>;

inline constexpr std::int64_t kTileSize = kTileRows * kTileColumns;
inline constexpr std::int64_t kStep = 16;  // inner elements between two rounds of fetching

// kTileRows rows of a left factor: row r and inner element i at first[r * row_step + i * step].
// Those of the next unit are `to_next_unit` later, and kStep inner elements of them are kTileRows
// cache lines that are `line_step` apart.
struct LeftRows {
  const float* first;
  std::int64_t row_step, step, line_step, to_next_unit;
};

// The factors of a product, and where the next one reads: the processor fetches a part of that
// panel meanwhile.
struct Factors {
  LeftRows left;
  const float* right;  // kTileColumns for each inner element
  std::int64_t inner;  // a multiple of kStep
  const float* next_right;
};

// Calls finish(sums) with the sums in registers.
template <class Finish>
[[gnu::noinline]] void multiply(const Factors& factors, const Finish& finish) {
  Tile sums;
  sums.clear();
  const auto [left, right, inner, next_right] = factors;
  const auto [left_first, row_step, step, line_step, to_next_unit] = left;
  for (std::int64_t first = 0; first < inner; first += kStep) {
    const float* from = left_first + first * step;
    for (int row = 0; row < kTileRows; ++row)
      __builtin_prefetch(from + row * line_step + to_next_unit);
    // An eighth of the panel in all with AVX2: a block has eight or nine units.
    constexpr int kWrite = 0, kL2 = 2;
    for (std::int64_t line = 0; line < 2 * kStep; line += kCacheLine)
      __builtin_prefetch(next_right + 2 * first + line, kWrite, kL2);
    const float* columns = right + first * kTileColumns;
#pragma GCC unroll 1  // twice or more often, the sums do not stay in registers
    for (std::int64_t i = 0; i < kStep; ++i, from += step, columns += kTileColumns) {
      TileLanes lanes[kTileVectors];
      for (int v = 0; v < kTileVectors; ++v) lanes[v] = load(columns + v * kLanes<float>);
#pragma GCC unroll 16
      for (int row = 0; row < kTileRows; ++row) sums.add(row, from[row * row_step], lanes);
    }
  }
  finish(sums);
}

// sums += a tile in memory
[[gnu::always_inline]] inline void add(Tile& sums, const float* tile,
                                       std::int64_t pitch = kTileColumns) {
#pragma GCC unroll 16
  for (int row = 0; row < kTileRows; ++row)
    for (int v = 0; v < kTileVectors; ++v)
      sums.at[row][v] += load(tile + row * pitch + v * kLanes<float>);
}

// a tile in memory += sums
[[gnu::always_inline]] inline void add_to(float* tile, const Tile& sums) {
#pragma GCC unroll 16
  for (int row = 0; row < kTileRows; ++row)
    for (int v = 0; v < kTileVectors; ++v) {
      float* const to = tile + row * kTileColumns + v * kLanes<float>;
      store(to, load(to) + sums.at[row][v]);
    }
}

[[gnu::always_inline]] inline void store(const Tile& sums, float* tile) {
  sums.store_to([&](int row) { return tile + row * kTileColumns; });
}

// A tile of the result: as much of it as there is, and what is added to its columns.
struct Output {
  float* first;
  std::int64_t pitch, rows, columns;
  bool adds;          // to the sums of earlier inner elements
  const float* bias;  // of the columns, or null

  // Always inlined: GCC takes a function that only fetches for one without effect, and drops the
  // call.
  [[gnu::always_inline]] void fetch() const {
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t line = 0; line < kTileColumns; line += kCacheLine)
        __builtin_prefetch(first + row * pitch + line, /*rw=*/1);
  }
};

[[gnu::noinline]] inline void write_part(const float* tile, const Output& to) {
  for (std::int64_t row = 0; row < to.rows; ++row)
    for (std::int64_t j = 0; j < to.columns; ++j) {
      float& y = to.first[row * to.pitch + j];
      const float sum = tile[row * kTileColumns + j] + (to.adds ? y : 0.0F);
      y = to.bias != nullptr ? sum + to.bias[j] : sum;
    }
}

[[gnu::always_inline]] inline void write(Tile& sums, const Output& to) {
  if (to.rows < kTileRows || to.columns < kTileColumns) {
    float tile[kTileSize];
    store(sums, tile);
    return write_part(tile, to);
  }
  float* const first = to.first;
  const std::int64_t pitch = to.pitch;
  if (to.adds) add(sums, first, pitch);
  if (to.bias != nullptr) {
    TileLanes bias[kTileVectors];
    load_columns(to.bias, kTileColumns, bias);
#pragma GCC unroll 16
    for (int row = 0; row < kTileRows; ++row)
      for (int v = 0; v < kTileVectors; ++v) sums.at[row][v] += bias[v];
  }
  sums.store_to([=](int row) { return first + row * pitch; });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET::strassen
