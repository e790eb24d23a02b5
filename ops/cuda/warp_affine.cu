// The warp. A thread samples neighbouring pixels of an output row and writes all their channels:
// its stores are 16 bytes wide, and grey is sampled once for all channels. Memory traffic: the u8
// images are read once from memory (neighbours overlap in the cache), the output is written once.
//
// The arithmetic is the CPU's: coordinates count from a black border of one pixel around the image.
// After clamping, coordinates and their right and lower neighbours lie on the border or inside.
#include "ops/kernels.h"
#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"

namespace osteon::cuda {
namespace {

constexpr int kMaxChannels = 16;  // per launch

template <class A>
struct Normalisation {
  A mean[kMaxChannels], inverse_std[kMaxChannels];
};

// Sizes of input and output, and the range of output channels that this launch writes.
struct WarpShape {
  std::int64_t images, height, width, sampled;  // sampled: channels of the input
  std::int64_t rows, columns, channels;
  std::int64_t first_channel, launched_channels;
};

// Clamps to [0, end]; a NaN becomes 0, which is black.
template <class A>
__device__ A clamp_coordinate(A value, A end) {
  const A not_negative = value > A(0) ? value : A(0);
  return not_negative < end ? not_negative : end;
}

// A sampling point and its four neighbours.
template <class A>
struct Sample {
  std::int32_t left, top;  // in the image; may be out of range
  A right_share, lower_share;

  __device__ Sample(A x, A y, const WarpShape& shape) {
    const A at_x = clamp_coordinate(x, static_cast<A>(shape.width + 1));
    const A at_y = clamp_coordinate(y, static_cast<A>(shape.height + 1));
    left = static_cast<std::int32_t>(at_x);
    top = static_cast<std::int32_t>(at_y);
    right_share = at_x - static_cast<A>(left);
    lower_share = at_y - static_cast<A>(top);
    --left;
    --top;
  }

  __device__ A pixel(const std::uint8_t* image, const WarpShape& shape, std::int32_t h,
                     std::int32_t w, std::int64_t c) const {
    const bool inside = h >= 0 && h < shape.height && w >= 0 && w < shape.width;
    return inside ? static_cast<A>(image[(h * shape.width + w) * shape.sampled + c]) : A(0);
  }

  __device__ A value(const std::uint8_t* image, const WarpShape& shape, std::int64_t c) const {
    const A a = pixel(image, shape, top, left, c), b = pixel(image, shape, top, left + 1, c);
    const A d = pixel(image, shape, top + 1, left, c),
            e = pixel(image, shape, top + 1, left + 1, c);
    const A above = a + right_share * (b - a), below = d + right_share * (e - d);
    return above + lower_share * (below - above);
  }
};

// Block: columns. Grid: (columns, rows, images). `pixels` per thread; if more than one, they fill
// whole vectors. `channels`: number of output channels, or 0 for any number.
template <int pixels, int channels, class T, class M>
__global__ void __launch_bounds__(kThreads)
    warp_rows(const std::uint8_t* images, const M* matrices,
              const __grid_constant__ WarpShape shape,
              const __grid_constant__ Normalisation<Accumulator<T>> normalisation, T* y) {
  using A = Accumulator<T>;
  const std::int64_t first = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * pixels;
  if (first >= shape.columns) return;
  for (std::int64_t n = blockIdx.z; n < shape.images; n += gridDim.z)
    for (std::int64_t row = blockIdx.y; row < shape.rows; row += gridDim.y) {
      const std::uint8_t* const image = images + n * shape.height * shape.width * shape.sampled;
      const M* const matrix = matrices + n * 6;
      const auto m = [&](int i) { return static_cast<double>(matrix[i]); };
      const auto r = static_cast<double>(row);
      const A start_x = static_cast<A>(m(1) * r + m(2) + 1), dx = static_cast<A>(matrix[0]);
      const A start_y = static_cast<A>(m(4) * r + m(5) + 1), dy = static_cast<A>(matrix[3]);
      const auto sample_at = [&](std::int64_t column) {
        return Sample<A>(start_x + static_cast<A>(column) * dx,
                         start_y + static_cast<A>(column) * dy, shape);
      };
      const auto normalised = [&](A value, std::int64_t c) {
        return T((value / A(255) - normalisation.mean[c]) * normalisation.inverse_std[c]);
      };
      T* const to = y + ((n * shape.rows + row) * shape.columns + first) * shape.channels;
      if constexpr (channels > 0) {
        T results[pixels * channels];
#pragma unroll
        for (int i = 0; i < pixels; ++i) {
          const Sample<A> sample = sample_at(first + i);
          A value = sample.value(image, shape, 0);
#pragma unroll
          for (int c = 0; c < channels; ++c) {
            if (c > 0 && shape.sampled > 1) value = sample.value(image, shape, c);
            results[i * channels + c] = normalised(value, c);
          }
        }
        constexpr int kWide = pixels == 1 ? 1 : kPack<T>;
#pragma unroll
        for (int i = 0; i < pixels * channels; i += kWide) {
          Pack<T, kWide> pack;
#pragma unroll
          for (int j = 0; j < kWide; ++j) pack.at[j] = results[i + j];
          store<kWide>(to + i, pack);
        }
      } else {
        const Sample<A> sample = sample_at(first);
        for (std::int64_t c = 0; c < shape.launched_channels; ++c) {
          const std::int64_t channel = shape.first_channel + c;
          to[channel] = normalised(
              sample.value(image, shape, shape.sampled > 1 ? channel : std::int64_t{0}), c);
        }
      }
    }
}

template <class T, class M>
void launch_warp(const Tensor& images, const Tensor& matrices, const WarpOptions& options,
                 WarpShape shape, const Tensor& y) {
  using A = Accumulator<T>;
  constexpr int kWide = kPack<T>;
  // Several pixels per thread if every row ends at the end of a vector.
  const bool vectorised = shape.columns % kWide == 0 && is_aligned<T, kWide>(y);
  auto kernel = warp_rows<1, 0, T, M>;
  int pixels = 1;
  if (shape.channels == 1 || shape.channels == 3) {
    pixels = vectorised ? kWide : 1;
    kernel = shape.channels == 1 ? (vectorised ? warp_rows<kWide, 1, T, M> : warp_rows<1, 1, T, M>)
                                 : (vectorised ? warp_rows<kWide, 3, T, M> : warp_rows<1, 3, T, M>);
  }
  const std::int64_t width = (shape.columns + pixels - 1) / pixels;
  const int threads = std::max(threads_for(width, kThreads), 32);
  const dim3 grid(blocks_for(width, threads), blocks_for(shape.rows, 1, kMaxGridYZ),
                  blocks_for(shape.images, 1, kMaxGridYZ));
  for (shape.first_channel = 0; shape.first_channel < shape.channels;
       shape.first_channel += kMaxChannels) {
    shape.launched_channels =
        std::min<std::int64_t>(kMaxChannels, shape.channels - shape.first_channel);
    Normalisation<A> normalisation{};
    for (std::int64_t c = 0; c < shape.launched_channels; ++c) {
      const auto channel = static_cast<std::size_t>(shape.first_channel + c);
      normalisation.mean[c] = static_cast<A>(options.mean[channel]);
      normalisation.inverse_std[c] = static_cast<A>(1 / options.std[channel]);
    }
    launch("warp_affine", images, kernel, grid, dim3(static_cast<unsigned int>(threads)),
           images.data<std::uint8_t>(), matrices.data<M>(), shape, normalisation, y.data<T>());
  }
}

}  // namespace

void warp_affine(const Tensor& images, const Tensor& matrices, const WarpOptions& options,
                 const Tensor& y) {
  if (y.numel() == 0) return;
  const WarpShape shape{images.dim(0),
                        images.dim(1),
                        images.dim(2),
                        images.dim(3),
                        options.height,
                        options.width,
                        y.dim(3),
                        0,
                        0};
  dispatch_floating("warp_affine", y.dtype(), [&]<class T>() {
    if (matrices.dtype() == DType::f64)
      launch_warp<T, double>(images, matrices, options, shape, y);
    else
      launch_warp<T, float>(images, matrices, options, shape, y);
  });
}

}  // namespace osteon::cuda
