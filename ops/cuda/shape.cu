// Copying elements. Memory traffic: each is read and written once. Contiguous runs are copied with
// accesses of up to 16 bytes; otherwise tiles in shared memory make both reads and writes of a warp
// contiguous.
#include <limits>
#include <numeric>

#include "ops/kernels.h"
#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"
#include "tensor/cuda/walk.cuh"

namespace osteon::cuda {
namespace {

// Copies runs of `length` units between two layouts. Block: (units, runs).
template <class Unit>
__global__ void __launch_bounds__(kThreads)
    copy_runs(const Unit* from, const __grid_constant__ Walk from_runs, Unit* to,
              const __grid_constant__ Walk to_runs, std::int64_t length) {
  for (std::int64_t run = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y;
       run < from_runs.count; run += std::int64_t{gridDim.y} * blockDim.y) {
    const Unit* const source = from + from_runs.offset(run);
    Unit* const target = to + to_runs.offset(run);
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < length;
         i += std::int64_t{gridDim.x} * blockDim.x)
      target[i] = source[i];
  }
}

// Converts a walk over elements of `size` bytes to units of `unit` bytes.
Walk in_units(Walk walk, std::int64_t size, std::int64_t unit) {
  for (int level = 0; level < walk.levels; ++level)
    walk.stride[level] = walk.stride[level] * size / unit;
  return walk;
}

template <class Unit>
void launch_runs(const char* op, const Tensor& x, const std::byte* from, const Walk& from_runs,
                 std::byte* to, const Walk& to_runs, std::int64_t bytes) {
  const auto unit = static_cast<std::int64_t>(sizeof(Unit));
  const auto size = static_cast<std::int64_t>(size_of(x.dtype()));
  const std::int64_t length = bytes / unit;
  const int across = threads_for(length, kThreads), down = kThreads / across;
  const auto grid_y = blocks_for(from_runs.count, down, kMaxGridYZ);
  const dim3 grid(blocks_for(length, across, std::max<std::int64_t>(kMaxBlocks / grid_y, 1)),
                  grid_y);
  const dim3 block(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
  launch(op, x, copy_runs<Unit>, grid, block, reinterpret_cast<const Unit*>(from),
         in_units(from_runs, size, unit), reinterpret_cast<Unit*>(to),
         in_units(to_runs, size, unit), length);
}

// Copies from_runs.count runs of `length` elements of x's dtype; the walks count elements.
void copy_elements(const char* op, const Tensor& x, const std::byte* from, const Walk& from_runs,
                   std::byte* to, const Walk& to_runs, std::int64_t length) {
  if (length == 0 || from_runs.count == 0) return;
  const auto size = static_cast<std::int64_t>(size_of(x.dtype()));
  std::int64_t common = length * size;
  common = std::gcd(common, static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(from)));
  common = std::gcd(common, static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to)));
  for (const Walk* walk : {&from_runs, &to_runs})
    for (int level = 0; level < walk->levels; ++level)
      common = std::gcd(common, walk->stride[level] * size);
  with_unit(common, [&]<class Unit>() {
    launch_runs<Unit>(op, x, from, from_runs, to, to_runs, length * size);
  });
}

// A slice is one run of elements in each of `outer` equal pieces of the larger tensor.
struct Slice {
  Slice(const char* op, const Tensor& large, const Tensor& small, std::int64_t dim,
        std::int64_t start) {
    std::int64_t outer = 1, inner = 1;
    for (std::int64_t d = 0; d < dim; ++d) outer *= large.dim(d);
    for (std::int64_t d = dim + 1; d < large.rank(); ++d) inner *= large.dim(d);
    length = small.dim(dim) * inner;
    first = large.raw() + static_cast<std::size_t>(start * inner) * size_of(large.dtype());
    in_large.add_outer(op, outer, large.dim(dim) * inner);
    in_small.add_outer(op, outer, length);
  }

  Walk in_large, in_small;
  std::byte* first;  // start of the slice in the larger tensor
  std::int64_t length;
};

constexpr int kTile = 32, kTileRows = kThreads / kTile;

// Transposes matrices: y[y_first + row y_pitch + column] = x[x_first + column x_pitch + row]; the
// walks give y_first and x_first of each matrix. Block: (kTile, kTileRows). Grid: tiles of columns,
// tiles of rows, matrices.
struct Transposition {
  std::int64_t rows, columns, x_pitch, y_pitch;
  Walk x_matrices, y_matrices;
};

template <class Unit>
__global__ void __launch_bounds__(kThreads)
    transpose_tiles(const Unit* x, const __grid_constant__ Transposition t, Unit* y) {
  __shared__ Unit tile[kTile][kTile + 1];  // padding avoids bank conflicts within a column
  const int across = static_cast<int>(threadIdx.x), down = static_cast<int>(threadIdx.y);
  const std::int64_t column = std::int64_t{blockIdx.x} * kTile;
  for (std::int64_t matrix = blockIdx.z; matrix < t.x_matrices.count; matrix += gridDim.z)
    for (std::int64_t row = std::int64_t{blockIdx.y} * kTile; row < t.rows;
         row += std::int64_t{gridDim.y} * kTile) {
      const Unit* const from = x + t.x_matrices.offset(matrix);
      Unit* const to = y + t.y_matrices.offset(matrix);
      for (int i = down; i < kTile; i += kTileRows)
        if (column + i < t.columns && row + across < t.rows)
          tile[i][across] = from[(column + i) * t.x_pitch + row + across];
      __syncthreads();
      for (int i = down; i < kTile; i += kTileRows)
        if (column + across < t.columns && row + i < t.rows)
          to[(row + i) * t.y_pitch + column + across] = tile[across][i];
      __syncthreads();
    }
}

// y's dimensions as strides in x, innermost first; dimensions that stay contiguous are merged.
Walk walk_of(const Shape& x, const std::vector<std::int64_t>& order) {
  std::vector<std::int64_t> dense(order.size(), 1);
  for (std::size_t d = order.size(); d-- > 1;)
    dense[d - 1] = dense[d] * x[static_cast<std::int64_t>(d)];
  Walk walk;
  for (std::size_t d = order.size(); d-- > 0;)
    walk.add_outer("permute", x[order[d]], dense[static_cast<std::size_t>(order[d])]);
  return walk;
}

// Transposes the innermost dimensions of y and x, for all indices of the others.
void transpose(const Tensor& x, const Walk& walk, const Tensor& y) {
  Transposition t;
  t.columns = walk.extent[0];
  t.x_pitch = walk.stride[0];
  std::int64_t dense = walk.extent[0];
  for (int level = 1; level < walk.levels; ++level) {
    if (walk.stride[level] == 1) {
      t.rows = walk.extent[level];
      t.y_pitch = dense;
    } else {
      t.x_matrices.add_separate("permute", walk.extent[level], walk.stride[level]);
      t.y_matrices.add_separate("permute", walk.extent[level], dense);
    }
    dense *= walk.extent[level];
  }
  const dim3 grid(blocks_for(t.columns, kTile, std::numeric_limits<std::int32_t>::max()),
                  blocks_for(t.rows, kTile, kMaxGridYZ),
                  blocks_for(t.x_matrices.count, 1, kMaxGridYZ));
  with_unit(static_cast<std::int64_t>(size_of(x.dtype())), [&]<class Unit>() {
    launch("permute", y, transpose_tiles<Unit>, grid, dim3(kTile, kTileRows),
           reinterpret_cast<const Unit*>(x.raw()), t, reinterpret_cast<Unit*>(y.raw()));
  });
}

}  // namespace

void copy_into_slice(const Tensor& x, std::int64_t dim, std::int64_t start, const Tensor& y) {
  const Slice slice("concat", y, x, dim, start);
  copy_elements("concat", x, x.raw(), slice.in_small, slice.first, slice.in_large, slice.length);
}

void copy_from_slice(const Tensor& x, std::int64_t dim, std::int64_t start, const Tensor& y) {
  const Slice slice("narrow", x, y, dim, start);
  copy_elements("narrow", x, slice.first, slice.in_large, y.raw(), slice.in_small, slice.length);
}

void permute(const Tensor& x, const std::vector<std::int64_t>& order, const Tensor& y) {
  if (y.numel() == 0) return;
  const Walk walk = walk_of(x.shape(), order);
  if (walk.levels > 0 && walk.stride[0] != 1) return transpose(x, walk, y);
  Walk from_runs, to_runs;
  const std::int64_t length = walk.levels > 0 ? walk.extent[0] : 1;
  for (int level = 1; level < walk.levels; ++level)
    from_runs.add_outer("permute", walk.extent[level], walk.stride[level]);
  to_runs.add_outer("permute", from_runs.count, length);
  copy_elements("permute", x, x.raw(), from_runs, y.raw(), to_runs, length);
}

}  // namespace osteon::cuda
