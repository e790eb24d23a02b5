// Access to the device's memory: every kernel of this folder reads and writes it through load and
// store. On a device they are plain accesses. tests/cuda_emulator compiles them with
// OSTEON_COUNTS_TRAFFIC, and its counter is told of each access: address, size and source line.
#pragma once

#include <cstddef>

#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"

namespace osteon::ladder {

enum class Direction { read, write };

#if defined(OSTEON_COUNTS_TRAFFIC)

void count_access(Direction direction, const void* address, std::size_t bytes, int line);

template <class T>
T load(const T* from, int line = __builtin_LINE()) {
  count_access(Direction::read, from, sizeof(T), line);
  return *from;
}
template <class T>
void store(T* to, const T& value, int line = __builtin_LINE()) {
  count_access(Direction::write, to, sizeof(T), line);
  *to = value;
}

#else

template <class T>
__device__ T load(const T* from) {
  return *from;
}
template <class T>
__device__ void store(T* to, const T& value) {
  *to = value;
}

#endif

// Four numbers that a thread reads or writes in one access of 16 bytes.
using Four = cuda::Pack<float, 4>;
constexpr int kWidth = 4;

inline __device__ const Four* fours(const float* from) {
  return reinterpret_cast<const Four*>(from);
}
inline __device__ Four* fours(float* to) { return reinterpret_cast<Four*>(to); }

constexpr int kWarp = 32;
constexpr unsigned int kWholeWarp = 0xFFFFFFFF;

}  // namespace osteon::ladder
