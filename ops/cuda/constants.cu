// Numbers of the host as a tensor. They are arguments of a kernel, not an upload: the launch can be
// recorded and replayed, and nobody waits.
#include <algorithm>

#include "ops/kernels.h"
#include "tensor/convert.h"
#include "tensor/cuda/launch.cuh"

namespace osteon::cuda {
namespace {

struct Numbers {
  double at[2048];  // CUDA allows 32,764 bytes of arguments
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    write_chunk(const __grid_constant__ Numbers numbers, std::int32_t count, T* y) {
  const auto i = static_cast<std::int32_t>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) y[i] = convert<T>(numbers.at[i]);
}

}  // namespace

void write_numbers(const std::vector<double>& numbers, const Tensor& y) {
  constexpr std::size_t kChunk = std::size(Numbers{}.at);
  dispatch_any("constant", y.dtype(), [&]<class T>() {
    for (std::size_t first = 0; first < numbers.size(); first += kChunk) {
      Numbers chunk{};
      const std::size_t count = std::min(kChunk, numbers.size() - first);
      std::copy_n(numbers.data() + first, count, chunk.at);
      launch("constant", y, write_chunk<T>,
             dim3(blocks_for(static_cast<std::int64_t>(count), kThreads)), dim3(kThreads), chunk,
             static_cast<std::int32_t>(count), y.data<T>() + first);
    }
  });
}

}  // namespace osteon::cuda
