// gather and scatter_add: a thread computes one element of the result. Without atomic operations,
// each sum is in the order of the indices.
#include "ops/along_dim.h"
#include "ops/kernels.h"
#include "tensor/cuda/launch.cuh"

namespace osteon::cuda {
namespace {

// Calls body(matrix, position, element) for this thread's elements of [matrices, extent, inner].
template <class Body>
__device__ void for_each_element(const AlongDim& at, const Body& body) {
  const std::int64_t numel = at.outer * at.extent * at.inner;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < numel;
       i += std::int64_t{gridDim.x} * blockDim.x)
    body(i / at.inner / at.extent, i / at.inner % at.extent, i % at.inner);
}

// An index out of range gives 0.
template <class T>
__global__ void __launch_bounds__(kThreads)
    gather_elements(const T* x, std::int64_t rows, const std::int64_t* indices,
                    const __grid_constant__ AlongDim chosen, T* y) {
  for_each_element(chosen, [&](std::int64_t matrix, std::int64_t k, std::int64_t element) {
    const std::int64_t to = (matrix * chosen.extent + k) * chosen.inner + element;
    const std::int64_t row = indices[to];
    const bool exists = row >= 0 && row < rows;
    y[to] = exists ? x[(matrix * rows + row) * chosen.inner + element] : T{};
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    add_elements(const T* x, const std::int64_t* indices, const T* src, std::int64_t count,
                 const __grid_constant__ AlongDim at, T* y) {
  using A = Accumulator<T>;
  for_each_element(at, [&](std::int64_t matrix, std::int64_t row, std::int64_t element) {
    const std::int64_t to = (matrix * at.extent + row) * at.inner + element;
    A total = x == nullptr ? A(0) : static_cast<A>(x[to]);
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t from = (matrix * count + k) * at.inner + element;
      if (indices[from] == row) total += static_cast<A>(src[from]);
    }
    y[to] = T(total);
  });
}

}  // namespace

void gather(const Tensor& x, std::int64_t dim, const Tensor& indices, const Tensor& y) {
  if (y.numel() == 0) return;
  dispatch_any("gather", x.dtype(), [&]<class T>() {
    launch("gather", x, gather_elements<T>, dim3(blocks_for(y.numel(), kThreads)), dim3(kThreads),
           x.data<T>(), x.dim(dim), indices.data<std::int64_t>(), AlongDim(y.shape(), dim),
           y.data<T>());
  });
}

void scatter_add(const Tensor& x, std::int64_t dim, const Tensor& indices, const Tensor& src,
                 const Tensor& y) {
  if (y.numel() == 0) return;
  dispatch_floating("scatter_add", y.dtype(), [&]<class T>() {
    launch("scatter_add", y, add_elements<T>, dim3(blocks_for(y.numel(), kThreads)), dim3(kThreads),
           x.data_or_null<T>(), indices.data<std::int64_t>(), src.data<T>(), indices.dim(dim),
           AlongDim(y.shape(), dim), y.data<T>());
  });
}

}  // namespace osteon::cuda
