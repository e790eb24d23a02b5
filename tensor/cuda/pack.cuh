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

// Calls body.operator()<Unit>() with the largest unit for copies of which `bytes` is a multiple.
template <class Body>
void with_unit(std::int64_t bytes, const Body& body) {
  if (bytes % 16 == 0)
    body.template operator()<Bytes16>();
  else if (bytes % 8 == 0)
    body.template operator()<std::uint64_t>();
  else if (bytes % 4 == 0)
    body.template operator()<std::uint32_t>();
  else if (bytes % 2 == 0)
    body.template operator()<std::uint16_t>();
  else
    body.template operator()<std::uint8_t>();
}

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
