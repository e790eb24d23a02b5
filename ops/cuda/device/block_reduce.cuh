// Reductions over the threads of a block, always in the same order, so that the bits are
// reproducible. Every thread of the block must call these, even if it has no value.
#pragma once

#include "tensor/cuda/launch.cuh"

namespace osteon::cuda {

struct Sum {
  template <class A>
  __device__ A operator()(A a, A b) const {
    return a + b;
  }
};

// A NaN is larger than every number, as in PyTorch; it compares false with everything.
struct Larger {
  template <class A>
  __device__ A operator()(A a, A b) const {
    return a >= b || a != a ? a : b;
  }
};

constexpr int kWarp = 32;
constexpr unsigned int kWholeWarp = 0xFFFFFFFF;

// Reduces over the threads of one row of the block, whose width is a power of two; all of them get
// the result. Uses shuffles within a warp, then shared memory.
template <class Value, class Combine>
__device__ Value combine_along_x(Value value, const Combine& combine) {
  __shared__ Value of_warps[kThreads / kWarp];
  const int width = static_cast<int>(blockDim.x);
  for (int distance = min(width, kWarp) / 2; distance > 0; distance /= 2)
    value = combine(value, __shfl_xor_sync(kWholeWarp, value, distance));
  if (width <= kWarp) return value;
  const int thread = static_cast<int>(threadIdx.y) * width + static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, warps = width / kWarp, first = warp - warp % warps;
  __syncthreads();  // the previous call may still read of_warps
  if (thread % kWarp == 0) of_warps[warp] = value;
  __syncthreads();
  value = of_warps[first];
  for (int i = 1; i < warps; ++i) value = combine(value, of_warps[first + i]);
  return value;
}

// Reduces n values per thread over the threads of one column of the block, whose height is a power
// of two; the first row gets the results.
template <class Value, int n, class Combine>
__device__ void combine_along_y(Value (&values)[n], const Combine& combine) {
  __shared__ Value of_threads[n][kThreads];
  const unsigned int thread = threadIdx.y * blockDim.x + threadIdx.x;
  __syncthreads();  // the previous call may still read of_threads
#pragma unroll
  for (int i = 0; i < n; ++i) of_threads[i][thread] = values[i];
  for (unsigned int half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y >= half) continue;
#pragma unroll
    for (int i = 0; i < n; ++i) {
      values[i] = combine(values[i], of_threads[i][thread + half * blockDim.x]);
      of_threads[i][thread] = values[i];
    }
  }
}

}  // namespace osteon::cuda
