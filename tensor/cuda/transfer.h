// Tensors between the host and CUDA devices.
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace osteon::cuda {

// x <- source: same shape and dtype, on two devices (or one CUDA device). A copy to the host waits
// for the elements. A copy from the host returns as soon as `source` may be changed. A copy from
// page-locked memory returns at once; then `source` must not change until the device has copied it.
void transfer(const Tensor& x, const Tensor& source);

// An uninitialised host tensor in page-locked memory: copies to `device` need not wait.
Tensor empty_pinned(Shape shape, DType dtype, const Device& device);

// The number of CUDA devices of this machine; 0 without a driver, and in a build without CUDA.
int device_count();

// The reason why the device cannot be used; empty if it can.
std::string why_unavailable(const Device& device);

// Free memory of the device, including this process's cached blocks.
std::size_t free_bytes(const Device& device);

// Throws Error naming `what` unless the device supports bf16 and tf32 (compute capability 8.0 or
// higher).
void require_bf16(const std::string& what, const Device& device);

// The device's product name.
std::string describe(const Device& device);

}  // namespace osteon::cuda
