// Tensors between the host and CUDA devices.
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace osteon::cuda {

// x <- source: one shape and dtype, two devices (or one CUDA device). To the host it waits until
// the elements are there. From the host it returns as soon as `source` may be changed; from
// page-locked memory at once, and then `source` must stay as it is until the device has passed.
void transfer(const Tensor& x, const Tensor& source);

// A tensor of the host in page-locked memory, uninitialised: copies to `device` need not wait.
Tensor empty_pinned(Shape shape, DType dtype, const Device& device);

// Why the device cannot be used, or nothing if it can.
std::string why_unavailable(const Device& device);

// Of its memory, in use by nobody, this process's allocator included.
std::size_t free_bytes(const Device& device);

// Throws Error naming `what` unless the device computes in bf16 and tf32: from compute capability
// 8.0 on.
void require_bf16(const std::string& what, const Device& device);

// The name its maker gave it.
std::string describe(const Device& device);

}  // namespace osteon::cuda
