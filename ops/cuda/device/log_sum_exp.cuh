// The log-sum-exp of a row, used by softmax and cross-entropy.
#pragma once

#include <cmath>
#include <limits>

#include "ops/cuda/device/block_reduce.cuh"

namespace osteon::cuda {

// sum_j exp(x_j) = exp(maximum) * sum
template <class A>
struct SumOfExponentials {
  A maximum, sum;
};

// Computed for a row of x by the threads of one row of the block. Every thread of the block calls
// it; a thread without a row passes no columns. x is read twice, the second time from the cache.
template <class T>
__device__ SumOfExponentials<Accumulator<T>> sum_of_exponentials(const T* x, std::int64_t columns) {
  using A = Accumulator<T>;
  A maximum = -std::numeric_limits<A>::infinity(), sum = 0;
  for (std::int64_t i = threadIdx.x; i < columns; i += blockDim.x)
    maximum = Larger()(maximum, static_cast<A>(x[i]));
  maximum = combine_along_x(maximum, Larger());
  for (std::int64_t i = threadIdx.x; i < columns; i += blockDim.x)
    sum += std::exp(static_cast<A>(x[i]) - maximum);
  return {maximum, combine_along_x(sum, Sum())};
}

// Block and grid of kernels that process rows.
struct RowLaunch {
  dim3 grid, block;

  RowLaunch(std::int64_t rows, std::int64_t columns) {
    const int across = threads_for(columns, kThreads), down = kThreads / across;
    block = dim3(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
    grid = dim3(blocks_for(rows, down));
  }
};

}  // namespace osteon::cuda
