// Access to the emulated device's memory for the CPU's kernels.
#pragma once

#include <memory>

#include "tensor/tensor.h"

namespace cuda_emulator {

// Device memory as a CPU tensor; the memory must stay allocated while the tensor is used.
inline osteon::Tensor on_cpu(void* memory, const osteon::Shape& shape, osteon::DType dtype) {
  static const auto nobody = std::make_shared<int>();
  const auto bytes = static_cast<std::size_t>(shape.numel()) * osteon::size_of(dtype);
  return {std::make_shared<osteon::Storage>(memory, bytes, nobody), 0, shape, dtype};
}

}  // namespace cuda_emulator
