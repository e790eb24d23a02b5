// Pooling. A thread processes a few neighbouring channels of a pixel. Forward it gathers from a
// window, backward from the windows that contain a pixel; thus no two threads write to the same
// element, and the bits are reproducible. Memory traffic: inputs are read once from memory (windows
// overlap in the cache), outputs and the argmax bytes written once.
#include <limits>

#include "ops/cuda/device/block_reduce.cuh"
#include "ops/kernels.h"
#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"

namespace osteon::cuda {
namespace {

struct Range {
  std::int64_t first, last;  // last is exclusive
};

// Pooling along one direction: `windows` windows over `extent` pixels.
struct Direction {
  std::int32_t kernel, stride, before, after, extent, windows;

  // The pixels of window p; its positions start at p stride - before.
  __device__ Range pixels_in(std::int64_t p) const {
    const std::int64_t start = p * stride - before;
    return {max(std::int64_t{0}, start), min(start + kernel, std::int64_t{extent})};
  }
  // The number of positions of window p in the image, or in the image and its padding.
  __device__ std::int64_t counted(std::int64_t p, bool with_padding) const {
    const std::int64_t start = p * stride - before;
    if (with_padding) return min(start + kernel, std::int64_t{extent} + after) - start;
    const Range pixels = pixels_in(p);
    return pixels.last - pixels.first;
  }
  // The windows that contain pixel h: p stride <= h + before < p stride + kernel.
  __device__ Range windows_with(std::int64_t h) const {
    const auto at = static_cast<std::int32_t>(h) + before;
    return {at < kernel ? 0 : (at - kernel) / stride + 1, min(windows, at / stride + 1)};
  }
  // The position of pixel h in window p.
  __device__ std::int64_t place(std::int64_t h, std::int64_t p) const {
    return h + before - p * stride;
  }
};

struct Geometry {
  Geometry(const char* op, const Shape& images, const Shape& windows, const Pool2dOptions& options)
      : vertical(direction(op, options.kernel_size.height, options.stride.height,
                           options.padding.top, options.padding.bottom, images[1], windows[1])),
        horizontal(direction(op, options.kernel_size.width, options.stride.width,
                             options.padding.left, options.padding.right, images[2], windows[2])),
        count_include_pad(options.count_include_pad),
        count(images[0]),
        channels(images[3]) {}

  __device__ std::int32_t place(std::int64_t h, std::int64_t p, std::int64_t w,
                                std::int64_t q) const {
    return static_cast<std::int32_t>(vertical.place(h, p) * horizontal.kernel +
                                     horizontal.place(w, q));
  }

  // The divisor of the mean over a window.
  template <class A>
  __device__ A divisor(std::int64_t p, std::int64_t q) const {
    return static_cast<A>(vertical.counted(p, count_include_pad) *
                          horizontal.counted(q, count_include_pad));
  }

  // Padding is at most half the kernel.
  static Direction direction(const char* op, std::int64_t kernel, std::int64_t stride,
                             std::int64_t before, std::int64_t after, std::int64_t extent,
                             std::int64_t windows) {
    constexpr std::int64_t kMaxExtent = std::numeric_limits<std::int32_t>::max() / 4;
    OSTEON_CHECK(std::max({kernel, stride, extent}) <= kMaxExtent, op, ": an extent of ",
                 std::max({kernel, stride, extent}), " is more than ", kMaxExtent);
    const auto narrow = [](std::int64_t value) { return static_cast<std::int32_t>(value); };
    return {narrow(kernel), narrow(stride), narrow(before),
            narrow(after),  narrow(extent), narrow(windows)};
  }

  Direction vertical, horizontal;
  bool count_include_pad;
  std::int64_t count, channels;
};

// Calls body(image, row, column, first channel) for this thread's part of count x rows x columns x
// channels. Block: (channels, columns). Grid: (columns, rows, images).
template <int n, class Body>
__device__ void for_each_pixel(std::int64_t count, std::int64_t rows, std::int64_t columns,
                               std::int64_t channels, const Body& body) {
  const std::int64_t column = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (column >= columns) return;
  for (std::int64_t image = blockIdx.z; image < count; image += gridDim.z)
    for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y)
      for (std::int64_t c = std::int64_t{threadIdx.x} * n; c < channels;
           c += std::int64_t{blockDim.x} * n)
        body(image, row, column, c);
}

struct PixelLaunch {
  dim3 grid, block;

  template <int n>
  static PixelLaunch over(const Shape& pixels, bool vectorised) {
    const std::int64_t width = vectorised ? pixels[3] / n : pixels[3];
    const int across = threads_for(width, kWarp), down = kThreads / across;
    const auto columns = blocks_for(pixels[2], down, std::numeric_limits<std::int32_t>::max());
    return {
        dim3(columns, blocks_for(pixels[1], 1, kMaxGridYZ), blocks_for(pixels[0], 1, kMaxGridYZ)),
        dim3(static_cast<unsigned int>(across), static_cast<unsigned int>(down))};
  }
};

// A NaN is larger than every number, so that it propagates.
template <int n, class T>
__global__ void __launch_bounds__(kThreads)
    max_forward(const T* x, const __grid_constant__ Geometry pool, T* y, std::uint8_t* argmax) {
  using A = Accumulator<T>;
  const Direction &vertical = pool.vertical, &horizontal = pool.horizontal;
  for_each_pixel<n>(
      pool.count, vertical.windows, horizontal.windows, pool.channels,
      [&](std::int64_t image, std::int64_t p, std::int64_t q, std::int64_t c) {
        const Range rows = vertical.pixels_in(p), columns = horizontal.pixels_in(q);
        A best[n];
        Pack<std::uint8_t, n> place;
#pragma unroll
        for (int i = 0; i < n; ++i) {
          best[i] = -std::numeric_limits<A>::infinity();
          place.at[i] = static_cast<std::uint8_t>(pool.place(rows.first, p, columns.first, q));
        }
        for (std::int64_t h = rows.first; h < rows.last; ++h)
          for (std::int64_t w = columns.first; w < columns.last; ++w) {
            const std::int64_t pixel = (image * vertical.extent + h) * horizontal.extent + w;
            const Pack<T, n> values = load<n>(x + pixel * pool.channels + c);
            const auto here = static_cast<std::uint8_t>(pool.place(h, p, w, q));
#pragma unroll
            for (int i = 0; i < n; ++i) {
              const A value = static_cast<A>(values.at[i]);
              const bool wins = value > best[i] || value != value;
              best[i] = wins ? value : best[i];
              place.at[i] = wins ? here : place.at[i];
            }
          }
        const std::int64_t to =
            ((image * vertical.windows + p) * horizontal.windows + q) * pool.channels + c;
        Pack<T, n> result;
#pragma unroll
        for (int i = 0; i < n; ++i) result.at[i] = T(best[i]);
        store<n>(y + to, result);
        store<n>(argmax + to, place);
      });
}

template <int n, class T>
__global__ void __launch_bounds__(kThreads)
    max_backward(const T* dy, const std::uint8_t* argmax, const __grid_constant__ Geometry pool,
                 T* dx) {
  using A = Accumulator<T>;
  const Direction &vertical = pool.vertical, &horizontal = pool.horizontal;
  for_each_pixel<n>(
      pool.count, vertical.extent, horizontal.extent, pool.channels,
      [&](std::int64_t image, std::int64_t h, std::int64_t w, std::int64_t c) {
        const Range rows = vertical.windows_with(h), columns = horizontal.windows_with(w);
        A total[n] = {};
        for (std::int64_t p = rows.first; p < rows.last; ++p)
          for (std::int64_t q = columns.first; q < columns.last; ++q) {
            const std::int64_t from =
                ((image * vertical.windows + p) * horizontal.windows + q) * pool.channels + c;
            const Pack<T, n> gradient = load<n>(dy + from);
            const Pack<std::uint8_t, n> place = load<n>(argmax + from);
            const std::int32_t here = pool.place(h, p, w, q);
#pragma unroll
            for (int i = 0; i < n; ++i)
              total[i] += place.at[i] == here ? static_cast<A>(gradient.at[i]) : A(0);
          }
        Pack<T, n> result;
#pragma unroll
        for (int i = 0; i < n; ++i) result.at[i] = T(total[i]);
        const std::int64_t pixel = (image * vertical.extent + h) * horizontal.extent + w;
        store<n>(dx + pixel * pool.channels + c, result);
      });
}

// y = the mean of x over the pixels of a window or, backward, the sum of the shares in the windows
// that contain a pixel.
template <int n, bool is_backward, class T>
__global__ void __launch_bounds__(kThreads)
    average(const T* x, const __grid_constant__ Geometry pool, T* y) {
  using A = Accumulator<T>;
  const Direction &vertical = pool.vertical, &horizontal = pool.horizontal;
  const std::int64_t from_rows = is_backward ? vertical.windows : vertical.extent;
  const std::int64_t from_columns = is_backward ? horizontal.windows : horizontal.extent;
  const std::int64_t to_rows = is_backward ? vertical.extent : vertical.windows;
  const std::int64_t to_columns = is_backward ? horizontal.extent : horizontal.windows;
  for_each_pixel<n>(
      pool.count, to_rows, to_columns, pool.channels,
      [&](std::int64_t image, std::int64_t a, std::int64_t b, std::int64_t c) {
        const Range rows = is_backward ? vertical.windows_with(a) : vertical.pixels_in(a);
        const Range columns = is_backward ? horizontal.windows_with(b) : horizontal.pixels_in(b);
        A total[n] = {};
        for (std::int64_t row = rows.first; row < rows.last; ++row)
          for (std::int64_t column = columns.first; column < columns.last; ++column) {
            const std::int64_t from = (image * from_rows + row) * from_columns + column;
            const Pack<T, n> values = load<n>(x + from * pool.channels + c);
            const A divisor = is_backward ? pool.divisor<A>(row, column) : A(1);
#pragma unroll
            for (int i = 0; i < n; ++i) total[i] += static_cast<A>(values.at[i]) / divisor;
          }
        const A divisor = is_backward ? A(1) : pool.divisor<A>(a, b);
        Pack<T, n> result;
#pragma unroll
        for (int i = 0; i < n; ++i) result.at[i] = T(total[i] / divisor);
        store<n>(y + ((image * to_rows + a) * to_columns + b) * pool.channels + c, result);
      });
}

template <class T>
bool can_vectorise(const Tensor& x, const Tensor& y) {
  return x.dim(3) % kPack<T> == 0 && is_aligned<T, kPack<T>>(x) && is_aligned<T, kPack<T>>(y);
}

template <bool is_backward>
void average_pool(const Tensor& x, const Geometry& pool, const Tensor& y) {
  if (y.numel() == 0) return;
  dispatch_floating("avg_pool2d", x.dtype(), [&]<class T>() {
    const bool vectorised = can_vectorise<T>(x, y);
    const auto [grid, block] = PixelLaunch::over<kPack<T>>(y.shape(), vectorised);
    launch("avg_pool2d", x,
           vectorised ? average<kPack<T>, is_backward, T> : average<1, is_backward, T>, grid, block,
           x.data<T>(), pool, y.data<T>());
  });
}

}  // namespace

void max_pool2d_forward(const Tensor& x, const Pool2dOptions& options, const Tensor& y,
                        const Tensor& argmax) {
  if (y.numel() == 0) return;
  const Geometry pool("max_pool2d", x.shape(), y.shape(), options);
  dispatch_floating("max_pool2d", x.dtype(), [&]<class T>() {
    const bool vectorised = can_vectorise<T>(x, y) && is_aligned<std::uint8_t, kPack<T>>(argmax);
    const auto [grid, block] = PixelLaunch::over<kPack<T>>(y.shape(), vectorised);
    launch("max_pool2d", x, vectorised ? max_forward<kPack<T>, T> : max_forward<1, T>, grid, block,
           x.data<T>(), pool, y.data<T>(), argmax.data<std::uint8_t>());
  });
}

void max_pool2d_backward(const Tensor& dy, const Tensor& argmax, const Pool2dOptions& options,
                         const Tensor& dx) {
  if (dx.numel() == 0) return;
  const Geometry pool("max_pool2d", dx.shape(), dy.shape(), options);
  dispatch_floating("max_pool2d", dy.dtype(), [&]<class T>() {
    const bool vectorised = can_vectorise<T>(dy, dx) && is_aligned<std::uint8_t, kPack<T>>(argmax);
    const auto [grid, block] = PixelLaunch::over<kPack<T>>(dx.shape(), vectorised);
    launch("max_pool2d", dy, vectorised ? max_backward<kPack<T>, T> : max_backward<1, T>, grid,
           block, dy.data<T>(), argmax.data<std::uint8_t>(), pool, dx.data<T>());
  });
}

void avg_pool2d_forward(const Tensor& x, const Pool2dOptions& options, const Tensor& y) {
  average_pool<false>(x, Geometry("avg_pool2d", x.shape(), y.shape(), options), y);
}

void avg_pool2d_backward(const Tensor& dy, const Pool2dOptions& options, const Tensor& dx) {
  average_pool<true>(dy, Geometry("avg_pool2d", dx.shape(), dy.shape(), options), dx);
}

}  // namespace osteon::cuda
