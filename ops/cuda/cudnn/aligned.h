// Memory that a library can use: those of CUDA want tensors to begin at 16 bytes, which slices need
// not do.
#pragma once

#include <cstdint>

#include "tensor/cuda/elements.h"
#include "tensor/tensor.h"

namespace osteon::cuda {

inline bool is_aligned(const Tensor& x) {
  return reinterpret_cast<std::uintptr_t>(x.raw()) % 16 == 0;
}

// `x`, or a copy of it that is aligned; of an undefined tensor, it.
inline Tensor aligned(const Tensor& x) {
  if (!x.defined() || is_aligned(x)) return x;
  const Tensor copied = empty_like(x);
  copy(copied, x);
  return copied;
}

// Calls write(y), with other memory in y's place if that is not aligned, and copies what it wrote.
template <class Write>
void write_aligned(const Tensor& y, const Write& write) {
  if (is_aligned(y)) return write(y);
  const Tensor written = empty_like(y);
  write(written);
  copy(y, written);
}

}  // namespace osteon::cuda
