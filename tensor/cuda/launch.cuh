// How our own kernels are started. Only .cu files include this. They use no <<<>>>, so that g++
// translates them too: tests/cuda_emulator runs them on the CPU.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "tensor/cuda/context.h"
#include "tensor/tensor.h"

namespace osteon::cuda {

// Of a block, in every kernel.
constexpr int kThreads = 256;
// More blocks than any device runs at a time; the threads of a kernel loop when there is more work.
constexpr std::int64_t kMostBlocks = 8192;
// What CUDA allows a grid in its second and third direction.
constexpr std::int64_t kMostBlocksAcross = 65535;

// How many blocks share `work` if each takes `a_block` of it: at least one.
inline unsigned int blocks_for(std::int64_t work, std::int64_t a_block,
                               std::int64_t most = kMostBlocks) {
  return static_cast<unsigned int>(
      std::clamp<std::int64_t>((work + a_block - 1) / a_block, 1, most));
}

// The smallest power of two that is not below `count`, at most `most` (one itself).
inline int threads_for(std::int64_t count, int most) {
  int threads = 1;
  while (threads < count && threads < most) threads *= 2;
  return threads;
}

// Issues kernel(arguments...) on the computation's stream of x's device. `op` is named in Errors.
template <class... Parameters>
void launch(const char* op, const Tensor& x, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            std::type_identity_t<Parameters>... arguments) {
  const cudaStream_t stream = context(x.device()).stream();
  void* pointers[] = {static_cast<void*>(&arguments)...};
  check(op, "cudaLaunchKernel",
        cudaLaunchKernel<void(Parameters...)>(kernel, grid, block, pointers, 0, stream));
}

}  // namespace osteon::cuda
