// Two sums at once over the rows of each channel of a tensor [rows..., channels], as two-stage
// trees in double without atomics. The partition depends only on the shape, and so do the bits. The
// terms are defined by a type like
//
//   struct Terms {
//     template <int n> struct Row;  // values shared by all rows of n channels
//     template <int n> __device__ Row<n> prepare(std::int64_t column) const;
//     template <int n> struct Elements;  // the elements of n channels of one row
//     template <int n> __device__ Elements<n> load(std::int64_t at) const;
//     template <int n> __device__ void add(const Elements<n>&, const Row<n>&, TwoSums (&)[n])
//     const;
//   };
#pragma once

#include <algorithm>
#include <limits>

#include "ops/cuda/device/block_reduce.cuh"
#include "tensor/cuda/pack.cuh"

namespace osteon::cuda {

constexpr std::int64_t kTargetParts = 1024;  // enough to keep every device busy
constexpr std::int64_t kRowsPerThread = 16;  // minimum rows per thread of a part
constexpr int kRowsAtOnce = 4;               // rows that a thread loads before it adds the first
constexpr unsigned int kJoinColumns = 16;    // channels per block that joins parts

struct TwoSums {
  double first, second;
};
struct AddTwo {
  __device__ TwoSums operator()(TwoSums a, TwoSums b) const {
    return {a.first + b.first, a.second + b.second};
  }
};

// parts[part, channel] = the sums over one part of the rows. Block: (channels, rows). Grid:
// (channels, parts).
template <int n, class Terms>
__global__ void __launch_bounds__(kThreads)
    sum_rows(Terms terms, std::int64_t rows, std::int64_t channels, std::int64_t rows_per_part,
             TwoSums* parts) {
  const std::int64_t column = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * n;
  const std::int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, rows);
  TwoSums sums[n] = {};
  if (column < channels) {
    const auto row_of = terms.template prepare<n>(column);
    const std::int64_t step = blockDim.y;
    std::int64_t row = begin + threadIdx.y;
    for (; row + (kRowsAtOnce - 1) * step < end; row += kRowsAtOnce * step) {
      typename Terms::template Elements<n> elements[kRowsAtOnce];
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; ++i)
        elements[i] = terms.template load<n>((row + i * step) * channels + column);
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; ++i) terms.template add<n>(elements[i], row_of, sums);
    }
    for (; row < end; row += step)
      terms.template add<n>(terms.template load<n>(row * channels + column), row_of, sums);
  }
  combine_along_y(sums, AddTwo());
  if (threadIdx.y != 0 || column >= channels) return;
  for (int i = 0; i < n; ++i) parts[blockIdx.y * channels + column + i] = sums[i];
}

// The sums over all rows of a channel, in the first row of the block. Block: (kJoinColumns, parts).
__device__ inline TwoSums join_parts(const TwoSums* parts, std::int64_t count,
                                     std::int64_t channels, std::int64_t c) {
  TwoSums sums[1] = {};
  if (c < channels)
    for (std::int64_t part = threadIdx.y; part < count; part += blockDim.y)
      sums[0] = AddTwo()(sums[0], parts[part * channels + c]);
  combine_along_y(sums, AddTwo());
  return sums[0];
}

struct Parts {
  Tensor memory;
  std::int64_t count;
  const TwoSums* sums() const { return reinterpret_cast<const TwoSums*>(memory.data<double>()); }
};

// The sums of x [rows..., channels], split into parts. `aligned`: whether all memory that `terms`
// reads is aligned for vectors. Errors of the launch name `op`.
template <class T, class Terms>
Parts sum_in_parts(const char* op, const Tensor& x, const Terms& terms, bool aligned) {
  constexpr int kWide = std::min(kPack<T>, 4);  // the block's sums must fit into shared memory
  const std::int64_t channels = x.dim(-1), rows = x.numel() / channels;
  const bool vectorised = aligned && channels % kWide == 0;
  const std::int64_t width = vectorised ? channels / kWide : channels;
  const int across = threads_for(width, kWarp), down = kThreads / across;
  const auto tiles = blocks_for(width, across, std::numeric_limits<std::int32_t>::max());
  const std::int64_t useful = (rows + down * kRowsPerThread - 1) / (down * kRowsPerThread);
  const std::int64_t count = std::clamp<std::int64_t>(kTargetParts / tiles, 1, useful);
  Parts parts{Tensor({count, channels, 2}, DType::f64, x.device()), count};
  launch(op, x, vectorised ? sum_rows<kWide, Terms> : sum_rows<1, Terms>,
         dim3(tiles, static_cast<unsigned int>(count)),
         dim3(static_cast<unsigned int>(across), static_cast<unsigned int>(down)), terms, rows,
         channels, (rows + count - 1) / count,
         reinterpret_cast<TwoSums*>(parts.memory.data<double>()));
  return parts;
}

inline dim3 join_grid(std::int64_t channels) {
  return dim3(blocks_for(channels, kJoinColumns, 1 << 30));
}
inline dim3 join_block() { return dim3(kJoinColumns, kThreads / kJoinColumns); }

}  // namespace osteon::cuda
