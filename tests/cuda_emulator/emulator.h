// Runs CUDA kernels on the CPU, for tests without a GPU. The kernels are the product's .cu files,
// compiled by g++ (cuda_runtime.h in this folder). The runtime is our own (runtime.cpp); a call
// that it lacks does not link. A launch has finished when it returns, or when settings.h says.
//
// Blocks run one after another; the threads of a block are coroutines that switch only at barriers
// and shuffles, so a kernel without these is a plain loop. A launch throws Fault for accesses
// outside the device's memory, for misaligned and otherwise undefined accesses (the kernels are
// compiled with traps), and for barriers and shuffles that not all threads reach. Fresh memory is
// full of NaNs, and the host can access the device's memory only by copies. Not detected: races
// between threads that the coroutines happen to order, and low speed.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <stdexcept>

namespace cuda_emulator {

// A kernel did something that is an error or undefined on a device.
class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Position of the running thread.
struct Current {
  uint3 thread, block;
  dim3 block_extent, grid_extent;
};
extern Current current;

constexpr std::size_t kExchangeBytes = 16;

// For kernels: __syncthreads() and the shuffles.
void wait_for_block(const char* file, int line);
const void* exchange_in_warp(unsigned int mask, const void* value, std::size_t bytes, int lanes);

// Runs `thread` once for every thread, or records it if the stream is being captured.
cudaError_t launch(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   const std::function<void()>& thread);
// The same for work other than our kernels: one call with access to the device's memory.
cudaError_t issue(cudaStream_t stream, const std::function<void()>& work);

// Runs the threads of all blocks on a device (emulator.cpp); used by launch().
void run_blocks(int device, dim3 grid, dim3 block, const std::function<void()>& thread);

}  // namespace cuda_emulator
