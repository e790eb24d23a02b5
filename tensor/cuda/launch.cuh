// Launching our own kernels. Only .cu files include this. They do not use <<<>>>, so g++ can also
// compile them: tests/cuda_emulator runs them on the CPU.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "tensor/cuda/context.h"
#include "tensor/cuda/rehearsal.h"
#include "tensor/tensor.h"

namespace osteon::cuda {

// Threads per block, in every kernel.
constexpr int kThreads = 256;
// More blocks than any device runs at a time; if there is more work, the threads of a kernel loop.
constexpr std::int64_t kMaxBlocks = 8192;
// CUDA's limit of a grid in y and z.
constexpr std::int64_t kMaxGridYZ = 65535;

// The number of blocks for `work` if each block takes `per_block` of it; at least 1.
inline unsigned int blocks_for(std::int64_t work, std::int64_t per_block,
                               std::int64_t max_blocks = kMaxBlocks) {
  return static_cast<unsigned int>(
      std::clamp<std::int64_t>((work + per_block - 1) / per_block, 1, max_blocks));
}

// The smallest power of two that is at least `count`, but at most `max_threads` (itself a power of
// two).
inline int threads_for(std::int64_t count, int max_threads) {
  int threads = 1;
  while (threads < count && threads < max_threads) threads *= 2;
  return threads;
}

// Issues kernel(arguments...) on a stream. Errors name `op`.
template <class... Parameters>
void launch_on(cudaStream_t stream, const char* op, void (*kernel)(Parameters...), dim3 grid,
               dim3 block, std::type_identity_t<Parameters>... arguments) {
  void* pointers[] = {static_cast<void*>(&arguments)...};
  check(op, "cudaLaunchKernel",
        cudaLaunchKernel<void(Parameters...)>(kernel, grid, block, pointers, 0, stream));
}

// The same on the compute stream of x's device, except in a rehearsal.
template <class... Parameters>
void launch(const char* op, const Tensor& x, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            std::type_identity_t<Parameters>... arguments) {
  if (is_rehearsing()) return;
  launch_on(context(x.device()).stream(), op, kernel, grid, block, arguments...);
}

}  // namespace osteon::cuda
