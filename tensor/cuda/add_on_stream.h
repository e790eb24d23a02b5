// The addition beside the computation's stream, for sums over processes.
#pragma once

#include <cuda_runtime_api.h>

#include "tensor/tensor.h"

namespace osteon::cuda {

// x <- x + y on this stream of the device: same shape, in f32 or f64. The caller orders the streams
// with events, and keeps y until then.
void add_on_stream(cudaStream_t stream, const Tensor& x, const Tensor& y);

}  // namespace osteon::cuda
