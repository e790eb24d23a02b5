// Replaces the toolkit's cuda_runtime.h for g++: the types and functions of the runtime are the
// toolkit's; the language extensions of nvcc are defined here.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "tests/cuda_emulator/emulator.h"
#include "tests/cuda_emulator/journal.h"

#undef __shared__
#define __shared__ static  // blocks run one after another
#define __launch_bounds__(...)

#define __syncthreads() ::cuda_emulator::wait_for_block(__FILE__, __LINE__)

using std::max;
using std::min;

inline const uint3& threadIdx = cuda_emulator::current.thread;
inline const uint3& blockIdx = cuda_emulator::current.block;
inline const dim3& blockDim = cuda_emulator::current.block_extent;
inline const dim3& gridDim = cuda_emulator::current.grid_extent;

// The value of the thread in this warp whose index differs from this thread's in the bits of
// `lanes`.
template <class T>
T __shfl_xor_sync(unsigned int mask, T value, int lanes) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= cuda_emulator::kExchangeBytes);
  T result;
  const void* const other = cuda_emulator::exchange_in_warp(mask, &value, sizeof(T), lanes);
  std::memcpy(&result, other, sizeof(T));
  return result;
}

// Padding might look like an address in the journal. An empty value is nothing but padding, and may
// lie inside of another value of a tuple.
template <class T>
void clear_padding(T& value) {
  if constexpr (!std::is_empty_v<T>) __builtin_clear_padding(&value);
}

template <class... Parameters>
cudaError_t launch_emulated(void (*kernel)(Parameters...), dim3 grid, dim3 block, void** arguments,
                            std::size_t shared_bytes, cudaStream_t stream) {
  static_assert((sizeof(Parameters) + ... + 0) <= 32764, "more arguments than CUDA allows");
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    std::tuple<std::remove_cv_t<Parameters>...> values(
        *static_cast<std::remove_cv_t<Parameters>*>(arguments[i])...);
    (clear_padding(std::get<i>(values)), ...);
    if (cuda_emulator::journal_is_open())
      cuda_emulator::write_down(cuda_emulator::describe_launch(
          reinterpret_cast<const void*>(kernel), grid, block,
          {{reinterpret_cast<const std::byte*>(&std::get<i>(values)),
            std::is_empty_v<Parameters> ? 0 : sizeof(Parameters)}...}));
    return cuda_emulator::launch(grid, block, shared_bytes, stream,
                                 [kernel, values] { std::apply(kernel, values); });
  }
  (std::index_sequence_for<Parameters...>());
}

// The toolkit's overload for a kernel of known type; the overload for any address stays undefined.
template <class Kernel>
cudaError_t cudaLaunchKernel(Kernel* kernel, dim3 grid, dim3 block, void** arguments,
                             std::size_t shared_bytes, cudaStream_t stream) {
  return launch_emulated(kernel, grid, block, arguments, shared_bytes, stream);
}
