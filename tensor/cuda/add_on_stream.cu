// One launch. Memory traffic: reads 2n elements and writes n.
#include "tensor/cuda/add_on_stream.h"

#include "tensor/cuda/launch.cuh"

namespace osteon::cuda {
namespace {

// Halves of a tensor begin anywhere, so accesses are of one element.
template <class T>
__global__ void __launch_bounds__(kThreads) add_to(T* x, const T* y, std::int64_t count) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step)
    x[i] += y[i];
}

}  // namespace

void add_on_stream(cudaStream_t stream, const Tensor& x, const Tensor& y) {
  if (x.numel() == 0) return;
  dispatch_floating("add_", x.dtype(), [&]<class T>() {
    if constexpr (sizeof(T) >= sizeof(float))
      launch_on(stream, "add_", add_to<T>, dim3(blocks_for(x.numel(), kThreads)), dim3(kThreads),
                x.data<T>(), y.data<T>(), x.numel());
  });
}

}  // namespace osteon::cuda
