// Aligned memory for libraries: CUDA's libraries need tensors that begin at a multiple of 16 bytes;
// slices may begin elsewhere.
#pragma once

#include <cstddef>

#include "tensor/cuda/elements.h"
#include "tensor/tensor.h"

namespace osteon::cuda {

inline constexpr std::size_t kLibraryAlignment = 16;

// `x` if it is aligned or undefined, else an aligned copy.
inline Tensor aligned(const Tensor& x) {
  if (!x.defined() || x.is_aligned(kLibraryAlignment)) return x;
  const Tensor copied = empty_like(x);
  copy(copied, x);
  return copied;
}

// Calls write(y) if y is aligned; else calls write with aligned scratch memory and copies the
// result to y.
template <class Write>
void write_aligned(const Tensor& y, const Write& write) {
  if (y.is_aligned(kLibraryAlignment)) return write(y);
  const Tensor written = empty_like(y);
  write(written);
  copy(y, written);
}

}  // namespace osteon::cuda
