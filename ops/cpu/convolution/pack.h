// Copies filters into the order in which tiles read them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/cpu/convolution/tile.h"

namespace osteon::cpu::OSTEON_CPU_SET {

// to[channel][column] = from[channel * channel_stride + column * column_stride], as rows of
// kTileColumns; missing columns are 0. One of the strides is usually 1: then that direction is the
// inner loop, because the other one may map all of its elements to the same few lines of the cache.
template <class A>
void pack_columns(const A* from, std::int64_t channel_stride, std::int64_t channels,
                  std::int64_t column_stride, std::int64_t columns, A* to) {
  constexpr std::int64_t kBlock = 16;  // channels, so that the rows written stay in the L1 cache
  for (std::int64_t first = 0; first < channels; first += kBlock) {
    const std::int64_t last = std::min(first + kBlock, channels);
    if (columns < kTileColumns)
      std::fill(to + first * kTileColumns, to + last * kTileColumns, A(0));
    if (column_stride == 1) {
      for (std::int64_t c = first; c < last; ++c)
        std::copy_n(from + c * channel_stride, columns, to + c * kTileColumns);
    } else {
      for (std::int64_t j = 0; j < columns; ++j)
        for (std::int64_t c = first; c < last; ++c)
          to[c * kTileColumns + j] = from[c * channel_stride + j * column_stride];
    }
  }
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
