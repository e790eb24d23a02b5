// The innermost loops of a convolution: products that stay in registers.
//
// A convolution is a matrix product whose left factor is never written down. Row p of the result is
// an output pixel; the row of the left factor is its window: for each kernel position ("tap") the
// channels of one input pixel, which lie side by side in [N,H,W,C]. So a table of pointers, one per
// output pixel and tap, describes the left factor, and a pixel outside the image points to zeros.
//
// Three levels of blocking keep the data near:
//
//   registers   kTileRows x kTileColumns sums of the result. For each channel of the window, one
//               vector load per kTileVectors of filters and one broadcast per row feed
//               kTileRows * kTileVectors multiply-adds: more arithmetic than loads.
//   L1 cache    a panel of filters: kTileColumns filters and a block of kBlockChannels channels of
//               the window, packed in the order in which they are read
//               (gathered_product.h).
//   L2 cache    the input pixels of kBlockRows rows, which all panels read in turn.
//
// The order of the sum depends on the blocks only: window channel after window channel. Threads
// divide rows or panels, so their number does not change a bit.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstdint>
#include <utility>

#include "ops/cpu/activation.h"

namespace osteon::cpu::OSTEON_CPU_SET {

// So many sums fit into the registers, beside two vectors of filters and a broadcast: 32 registers
// with AVX-512, else 16.
#if defined(__AVX512F__)
inline constexpr int kTileRows = 14;
#else
inline constexpr int kTileRows = 6;
#endif
inline constexpr int kTileVectors = 2;
inline constexpr int kTileColumns = kTileVectors * static_cast<int>(kLanes<float>);
inline constexpr std::int64_t kCacheLine = 16;  // floats

// `count` channels of a tap, beginning with the channel `first`.
struct Run {
  std::int64_t tap, first, count;
};

// What follows the sums.
struct Finish {
  const float* bias = nullptr;  // one per column
  bool residual = false;        // of each row
  Activation activation = Activation::none;
};

// What a tile adds up and where the sums go.
struct Tile {
  const float* const* inputs;  // pointers of the tile's rows: inputs[row * taps + tap]
  std::int64_t taps;
  const Run* runs;  // of this block of the window
  std::int64_t run_count;
  const float* filters;            // packed: kTileColumns values for each channel of the runs
  float* const* outputs;           // of each row; the tile begins at `column`
  std::int64_t column, columns;    // at most kTileColumns; fewer in the last panel
  bool adds;                       // to what earlier blocks of the window have stored
  const Finish* finish = nullptr;  // after the last block of the window
  const float* const* residuals = nullptr;  // of each row, for the finish
};

using TileLanes = Lanes<float>;

// sum + a b, rounded once where the processor can: the compiler alone would fuse in some places and
// not in others, and then the bits would depend on the size of a tile.
inline TileLanes multiply_add(TileLanes a, TileLanes b, TileLanes sum) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, sum);
#elif defined(__AVX2__)
  return _mm256_fmadd_ps(a, b, sum);
#else
  return a * b + sum;
#endif
}

// The first `columns` values at `from`, 0 for the rest; and the reverse.
[[gnu::always_inline]] inline void load_columns(const float* from, std::int64_t columns,
                                                TileLanes* lanes) {
  if (columns >= kTileColumns) {
    for (int v = 0; v < kTileVectors; ++v) lanes[v] = load(from + v * kLanes<float>);
    return;
  }
  for (int v = 0; v < kTileVectors; ++v) {
    const std::int64_t left = columns - v * kLanes<float>;
    lanes[v] = left > 0 ? load(from + v * kLanes<float>, left) : TileLanes{};
  }
}
[[gnu::always_inline]] inline void store_columns(float* to, std::int64_t columns,
                                                 const TileLanes* lanes) {
  if (columns >= kTileColumns) {
    for (int v = 0; v < kTileVectors; ++v) store(to + v * kLanes<float>, lanes[v]);
    return;
  }
  for (int v = 0; v < kTileVectors; ++v) {
    const std::int64_t left = columns - v * kLanes<float>;
    if (left > 0) store(to + v * kLanes<float>, lanes[v], left);
  }
}

// The sums of a tile, in registers: all loops over them are unrolled, and nothing takes their
// address.
template <int rows>
struct Sums {
  TileLanes at[rows][kTileVectors];

  [[gnu::always_inline]] void clear() {
#pragma GCC unroll 16
    for (int row = 0; row < rows; ++row)
      for (int v = 0; v < kTileVectors; ++v) at[row][v] = TileLanes{};
  }
  // at[row] += value * lanes, or left * right
  [[gnu::always_inline]] void add(int row, float value, const TileLanes (&lanes)[kTileVectors]) {
    const TileLanes factor = value - TileLanes{};
    for (int v = 0; v < kTileVectors; ++v) at[row][v] = multiply_add(factor, lanes[v], at[row][v]);
  }
  [[gnu::always_inline]] void add(int row, const TileLanes (&left)[kTileVectors],
                                  const TileLanes (&right)[kTileVectors]) {
    for (int v = 0; v < kTileVectors; ++v) at[row][v] = multiply_add(left[v], right[v], at[row][v]);
  }
  // Begins with 0, or with earlier sums if the tile adds to them.
  template <class RowOf>
  [[gnu::always_inline]] void begin(bool adds, const RowOf& row_of) {
    if (adds)
      load_from(row_of);
    else
      clear();
  }
  // Except silu, which would be as much code for each of the sums as all of this.
  [[gnu::always_inline]] void finish(const Finish& finish, const Tile& tile) {
    if (finish.bias != nullptr) {
      TileLanes bias[kTileVectors];
      load_columns(finish.bias + tile.column, tile.columns, bias);
#pragma GCC unroll 16
      for (int row = 0; row < rows; ++row)
        for (int v = 0; v < kTileVectors; ++v) at[row][v] += bias[v];
    }
    if (finish.residual) {
#pragma GCC unroll 16
      for (int row = 0; row < rows; ++row) {
        TileLanes residual[kTileVectors];
        load_columns(tile.residuals[row] + tile.column, tile.columns, residual);
        for (int v = 0; v < kTileVectors; ++v) at[row][v] += residual[v];
      }
    }
    if (finish.activation == Activation::relu) activate<Activation::relu>();
    if (finish.activation == Activation::relu6) activate<Activation::relu6>();
  }
  template <Activation activation>
  [[gnu::always_inline]] void activate() {
#pragma GCC unroll 16
    for (int row = 0; row < rows; ++row)
      for (int v = 0; v < kTileVectors; ++v) at[row][v] = activated<float>(activation, at[row][v]);
  }
  // `row_of(row)` is the address of a row of kTileColumns values.
  template <class RowOf>
  [[gnu::always_inline]] void load_from(const RowOf& row_of) {
#pragma GCC unroll 16
    for (int row = 0; row < rows; ++row)
      for (int v = 0; v < kTileVectors; ++v) at[row][v] = load(row_of(row) + v * kLanes<float>);
  }
  template <class RowOf>
  [[gnu::always_inline]] void store_to(const RowOf& row_of) const {
#pragma GCC unroll 16
    for (int row = 0; row < rows; ++row)
      for (int v = 0; v < kTileVectors; ++v) store(row_of(row) + v * kLanes<float>, at[row][v]);
  }
};

// Calls body(row_of) with whole rows of results: those of `row_of`, or if they have fewer columns
// than a tile, copies, which are written back.
template <int rows, class RowOf, class Body>
void with_whole_rows(std::int64_t columns, const RowOf& row_of, const Body& body) {
  if (columns == kTileColumns) return body(row_of);
  float copies[rows][kTileColumns] = {};
  for (int row = 0; row < rows; ++row) std::copy_n(row_of(row), columns, copies[row]);
  body([&](int row) { return copies[row]; });
  for (int row = 0; row < rows; ++row) std::copy_n(copies[row], columns, row_of(row));
}

template <int rows>
[[gnu::noinline]] void multiply_tile(const Tile& tile) {
  const auto output = [&](int row) { return tile.outputs[row] + tile.column; };
  with_whole_rows<rows>(tile.columns, output, [&](const auto& row_of) {
    // The outputs are fetched while the sums are computed.
    for (int row = 0; row < rows; ++row) __builtin_prefetch(row_of(row), /*rw=*/1);
    Sums<rows> sums;
    sums.begin(tile.adds, row_of);
    const float* filters = tile.filters;
    for (std::int64_t r = 0; r < tile.run_count; ++r) {
      const Run& run = tile.runs[r];
      const float* inputs[rows];
      for (int row = 0; row < rows; ++row)
        inputs[row] = tile.inputs[row * tile.taps + run.tap] + run.first;
      for (std::int64_t c = 0; c < run.count; ++c, filters += kTileColumns) {
        TileLanes filter[kTileVectors];
        for (int v = 0; v < kTileVectors; ++v) filter[v] = load(filters + v * kLanes<float>);
#pragma GCC unroll 16
        for (int row = 0; row < rows; ++row) sums.add(row, inputs[row][c], filter);
      }
    }
    if (tile.finish != nullptr) sums.finish(*tile.finish, tile);
    sums.store_to(row_of);
  });
}

// sums[row * pitch + column] (+)= the sum over i < count of left[i][row] right[i][column]: the
// outer products of a filter gradient.
struct OuterTile {
  const float* left;  // the first of the tile's rows, for each i
  std::int64_t left_pitch;
  const float* right;  // kTileColumns for each i
  std::int64_t right_pitch;
  std::int64_t count;
  float* sums;
  std::int64_t pitch, columns;
  bool adds;  // to what is stored
};

template <int rows>
[[gnu::noinline]] void add_up_tile(const OuterTile& tile) {
  const auto sums_of = [&](int row) { return tile.sums + row * tile.pitch; };
  with_whole_rows<rows>(tile.columns, sums_of, [&](const auto& row_of) {
    Sums<rows> sums;
    sums.begin(tile.adds, row_of);
    const float* left = tile.left;
    const float* right = tile.right;
    for (std::int64_t i = 0; i < tile.count; ++i) {
      TileLanes lanes[kTileVectors];
      for (int v = 0; v < kTileVectors; ++v) lanes[v] = load(right + v * kLanes<float>);
#pragma GCC unroll 16
      for (int row = 0; row < rows; ++row) sums.add(row, left[row], lanes);
      left += tile.left_pitch;
      right += tile.right_pitch;
    }
    sums.store_to(row_of);
  });
}

// Calls body.operator()<rows>() for a number of rows that is known only now, from 1 to kTileRows.
template <class Body>
void with_rows(std::int64_t rows, const Body& body) {
  [&]<int... i>(std::integer_sequence<int, i...>) {
    static_cast<void>(((rows == i + 1 && (body.template operator()<i + 1>(), true)) || ...));
  }
  (std::make_integer_sequence<int, kTileRows>());
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
