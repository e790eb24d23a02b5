// Memory that a library can use: those of CUDA want tensors to begin at 16 bytes, which slices need
// not do.
#pragma once

#include <cstddef>

#include "tensor/cuda/elements.h"
#include "tensor/tensor.h"

namespace osteon::cuda {

inline constexpr std::size_t kLibraryAlignment = 16;

// `x`, or a copy of it that is aligned; of an undefined tensor, it.
inline Tensor aligned(const Tensor& x) {
  if (!x.defined() || x.is_aligned(kLibraryAlignment)) return x;
  const Tensor copied = empty_like(x);
  copy(copied, x);
  return copied;
}

// Calls write(y), with other memory in y's place if that is not aligned, and copies what it wrote.
template <class Write>
void write_aligned(const Tensor& y, const Write& write) {
  if (y.is_aligned(kLibraryAlignment)) return write(y);
  const Tensor written = empty_like(y);
  write(written);
  copy(y, written);
}

}  // namespace osteon::cuda
