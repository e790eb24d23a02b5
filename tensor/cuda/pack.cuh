// Vectorised access: the elements that a thread loads or stores in one instruction, at most 16
// bytes.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "tensor/tensor.h"

namespace osteon::cuda {

constexpr std::size_t kMaxAccessBytes = 16;

// n is a power of two.
template <class T, int n>
struct alignas(std::min(sizeof(T) * n, kMaxAccessBytes)) Pack {
  T at[n];
};

// Elements of T per access.
template <class T>
constexpr int kPack = static_cast<int>(kMaxAccessBytes / sizeof(T));

// A unit for copies that do not interpret the elements.
struct alignas(kMaxAccessBytes) Bytes16 {
  std::uint64_t halves[2];
};

// `from` and `to` must be aligned like Pack<T, n>.
template <int n, class T>
__device__ inline Pack<T, n> load(const T* from) {
  return *reinterpret_cast<const Pack<T, n>*>(from);
}
template <int n, class T>
__device__ inline void store(T* to, const Pack<T, n>& pack) {
  *reinterpret_cast<Pack<T, n>*>(to) = pack;
}

// Whether x is aligned for vectors of n elements.
template <class T, int n>
bool is_aligned(const Tensor& x) {
  return x.is_aligned(alignof(Pack<T, n>));
}

}  // namespace osteon::cuda
