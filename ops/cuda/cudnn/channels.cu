// Padding and cropping of channels. Memory traffic: each element that is kept is read once and each
// element of the result is written once, vectorised to 16 bytes if the result's channels fill whole
// vectors.
#include "ops/cuda/cudnn/channels.h"

#include "tensor/convert.h"
#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"

namespace osteon::cuda {
namespace {

// Block: (vectors of channels, pixels).
template <int n, class From, class To>
__global__ void __launch_bounds__(kThreads)
    resize_channels(const From* x, std::int64_t pixels, std::int64_t from_channels,
                    std::int64_t to_channels, To* y) {
  for (std::int64_t pixel = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y; pixel < pixels;
       pixel += std::int64_t{gridDim.x} * blockDim.y)
    for (std::int64_t c = std::int64_t{threadIdx.x} * n; c < to_channels;
         c += std::int64_t{blockDim.x} * n) {
      Pack<To, n> pack;
#pragma unroll
      for (int i = 0; i < n; ++i)
        pack.at[i] = c + i < from_channels ? convert<To>(x[pixel * from_channels + c + i]) : To(0);
      store<n>(y + pixel * to_channels + c, pack);
    }
}

void resize(const char* op, const Tensor& x, std::int64_t to_channels, const Tensor& y) {
  if (y.numel() == 0) return;
  const std::int64_t pixels = y.numel() / to_channels;
  dispatch_floating(op, x.dtype(), [&]<class From>() {
    dispatch_floating(op, y.dtype(), [&]<class To>() {
      constexpr int kWide = kPack<To>;
      const bool vectorised = to_channels % kWide == 0 && is_aligned<To, kWide>(y);
      const int across = threads_for(vectorised ? to_channels / kWide : to_channels, kThreads);
      const int down = kThreads / across;
      const dim3 block(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
      launch(op, y, vectorised ? resize_channels<kWide, From, To> : resize_channels<1, From, To>,
             dim3(blocks_for(pixels, down)), block, x.data<From>(), pixels, x.dim(-1), to_channels,
             y.data<To>());
    });
  });
}

}  // namespace

void pad_channels(const Tensor& x, std::int64_t to, const Tensor& y) {
  resize("pad_channels", x, to, y);
}
void crop_channels(const Tensor& x, const Tensor& y) { resize("crop_channels", x, y.dim(-1), y); }

}  // namespace osteon::cuda
