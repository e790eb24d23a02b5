// Runs CUDA kernels on the CPU, to test them where there is no GPU. The kernels are the product's
// .cu files, translated by g++ (cuda_runtime.h beside this file); the runtime is a small one of our
// own (runtime.cpp), and a call that it lacks does not link. A launch is done when it returns.
//
// Blocks run one after another, the threads of a block as coroutines that change at barriers and
// shuffles only: a kernel without any is a plain loop. What it catches, by throwing Fault from the
// launch: reading or writing outside of the device's memory, misaligned and otherwise undefined
// accesses (the kernels are translated with traps for them), barriers and shuffles that not all
// threads reach. Fresh memory is full of NaNs, and the host cannot touch the device's memory except
// by copies. What it cannot show: races that barriers only happen to order, and speed.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <stdexcept>

namespace cuda_emulator {

// A kernel did what would be an error, or undefined, on a device.
class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Where the running thread is.
struct Current {
  uint3 thread, block;
  dim3 block_extent, grid_extent;
};
extern Current current;

constexpr std::size_t kExchangeBytes = 16;

// For kernels: __syncthreads() and the shuffles.
void wait_for_block(const char* file, int line);
const void* exchange_in_warp(unsigned int mask, const void* value, std::size_t bytes, int lanes);

// Runs `thread` once for every thread, or records it where the stream is being captured.
cudaError_t launch(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   const std::function<void()>& thread);
// The same for work that is no kernel of ours: one call with the device's memory at hand.
cudaError_t issue(cudaStream_t stream, const std::function<void()>& work);

// The threads of all blocks (emulator.cpp); used by launch().
void run_blocks(dim3 grid, dim3 block, const std::function<void()>& thread);

}  // namespace cuda_emulator
