// Chosen rows: each is read and written once, vectorised to 16 bytes if rows are aligned. The
// gradient has no atomic operations, so that each sum is in the order of the indices.
#include <algorithm>

#include "ops/along_dim.h"
#include "ops/kernels.h"
#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"

namespace osteon::cuda {
namespace {

// x is `matrices` matrices of `rows` rows; a row has `length` units. Block: (units of a row, rows).
// An index out of range gives zeros: the device cannot report an error without making the host
// wait.
template <class Unit>
__global__ void __launch_bounds__(kThreads)
    gather_rows(const Unit* x, std::int64_t matrices, std::int64_t rows, std::int64_t length,
                const std::int64_t* indices, std::int64_t count, Unit* y) {
  for (std::int64_t i = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y; i < matrices * count;
       i += std::int64_t{gridDim.y} * blockDim.y) {
    const std::int64_t row = indices[i % count], matrix = i / count;
    const bool exists = row >= 0 && row < rows;
    for (std::int64_t k = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; k < length;
         k += std::int64_t{gridDim.x} * blockDim.x)
      y[i * length + k] = exists ? x[(matrix * rows + row) * length + k] : Unit{};
  }
}

template <class Unit>
void copy_rows(const Tensor& x, const AlongDim& at, const Tensor& indices, std::int64_t row_bytes,
               const Tensor& y) {
  const std::int64_t length = row_bytes / static_cast<std::int64_t>(sizeof(Unit));
  const int across = threads_for(length, kThreads), down = kThreads / across;
  const auto grid_y = blocks_for(at.outer * indices.numel(), down, kMaxGridYZ);
  const dim3 grid(blocks_for(length, across, std::max<std::int64_t>(kMaxBlocks / grid_y, 1)),
                  grid_y);
  const dim3 block(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
  launch("index_select", x, gather_rows<Unit>, grid, block, reinterpret_cast<const Unit*>(x.raw()),
         at.outer, at.extent, length,
         static_cast<const std::int64_t*>(indices.data<std::int64_t>()), indices.numel(),
         reinterpret_cast<Unit*>(y.raw()));
}

// A block computes one row of dx in kThreads columns; a column is an element of a row in one of the
// matrices. It looks for the row among kThreads indices at a time, and rarely finds it.
template <class T>
__global__ void __launch_bounds__(kThreads)
    add_rows(const T* dy, const __grid_constant__ AlongDim at, const std::int64_t* indices,
             std::int64_t count, T* dx) {
  using A = Accumulator<T>;
  __shared__ bool chosen[kThreads];
  __shared__ std::int64_t found;  // the last part of the indices that has the row
  const auto thread = static_cast<std::int64_t>(threadIdx.x);
  const std::int64_t columns = at.outer * at.inner;
  for (std::int64_t row = blockIdx.y; row < at.extent; row += gridDim.y)
    for (std::int64_t first = std::int64_t{blockIdx.x} * kThreads; first < columns;
         first += std::int64_t{gridDim.x} * kThreads) {
      const std::int64_t column = first + thread, matrix = column / at.inner,
                         element = column % at.inner;
      A total = 0;
      if (thread == 0) found = -1;
      __syncthreads();
      for (std::int64_t part = 0; part < count; part += kThreads) {
        chosen[thread] = part + thread < count && indices[part + thread] == row;
        if (chosen[thread]) found = part;
        __syncthreads();
        if (found == part && column < columns)
          for (int i = 0; i < kThreads; ++i)
            if (chosen[i])
              total += static_cast<A>(dy[(matrix * count + part + i) * at.inner + element]);
        __syncthreads();
      }
      if (column < columns) dx[(matrix * at.extent + row) * at.inner + element] = T(total);
    }
}

bool aligned_to_16(const Tensor& x) { return reinterpret_cast<std::uintptr_t>(x.raw()) % 16 == 0; }

}  // namespace

void index_select(const Tensor& x, std::int64_t dim, const Tensor& indices, const Tensor& y) {
  if (y.numel() == 0) return;
  const AlongDim at(x.shape(), dim);
  const std::int64_t row_bytes = at.inner * static_cast<std::int64_t>(size_of(x.dtype()));
  const bool is_wide = row_bytes % 16 == 0 && aligned_to_16(x) && aligned_to_16(y);
  with_unit(is_wide ? 16 : static_cast<std::int64_t>(size_of(x.dtype())),
            [&]<class Unit>() { copy_rows<Unit>(x, at, indices, row_bytes, y); });
}

void index_select_backward(const Tensor& dy, std::int64_t dim, const Tensor& indices,
                           const Tensor& dx) {
  if (dx.numel() == 0) return;
  const AlongDim at(dx.shape(), dim);
  const auto grid_y = blocks_for(at.extent, 1, kMaxGridYZ);
  const dim3 grid(
      blocks_for(at.outer * at.inner, kThreads, std::max<std::int64_t>(kMaxBlocks / grid_y, 1)),
      grid_y);
  dispatch_floating("index_select", dy.dtype(), [&]<class T>() {
    launch("index_select", dy, add_rows<T>, grid, dim3(kThreads), dy.data<T>(), at,
           static_cast<const std::int64_t*>(indices.data<std::int64_t>()), indices.numel(),
           dx.data<T>());
  });
}

}  // namespace osteon::cuda
