// Pooling on the CPU. Forward, every output pixel gathers from its window; backward, every input
// pixel gathers from the windows that contain it. Thus no two threads write to the same element,
// and each result is rounded to its storage type once. Channels are the innermost loop, one block
// at a time.
#include <algorithm>
#include <array>
#include <limits>

#include "base/parallel.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // minimum elements per thread
constexpr std::int64_t kBlock = 64;         // channels whose partial results are kept on the stack

struct Range {
  std::int64_t first, last;  // last is exclusive
};

// Pooling along one direction: `windows` windows over `extent` pixels.
struct Direction {
  std::int64_t kernel, stride, before, after, extent, windows;

  // The pixels of window p; its positions start at p stride - before.
  Range pixels_in(std::int64_t p) const {
    const std::int64_t start = p * stride - before;
    return {std::max<std::int64_t>(0, start), std::min(start + kernel, extent)};
  }
  // The number of positions of window p in the image, or in the image and its padding.
  std::int64_t counted(std::int64_t p, bool with_padding) const {
    const std::int64_t start = p * stride - before;
    if (with_padding) return std::min(start + kernel, extent + after) - start;
    const Range pixels = pixels_in(p);
    return pixels.last - pixels.first;
  }
  // The windows that contain pixel h: p stride <= h + before < p stride + kernel.
  Range windows_with(std::int64_t h) const {
    const std::int64_t at = h + before;
    return {at < kernel ? 0 : (at - kernel) / stride + 1, std::min(windows, at / stride + 1)};
  }
  // The position of pixel h in window p.
  std::int64_t place(std::int64_t h, std::int64_t p) const { return h + before - p * stride; }
};

struct Geometry {
  Geometry(const Shape& images, const Shape& windows, const Pool2dOptions& options)
      : vertical{options.kernel_size.height,
                 options.stride.height,
                 options.padding.top,
                 options.padding.bottom,
                 images[1],
                 windows[1]},
        horizontal{options.kernel_size.width,
                   options.stride.width,
                   options.padding.left,
                   options.padding.right,
                   images[2],
                   windows[2]},
        count_include_pad(options.count_include_pad) {}

  // Row-major index of a position in a window.
  std::int32_t place(std::int64_t h, std::int64_t p, std::int64_t w, std::int64_t q) const {
    return static_cast<std::int32_t>(vertical.place(h, p) * horizontal.kernel +
                                     horizontal.place(w, q));
  }

  // The divisor of the mean over a window.
  template <class A>
  A divisor(std::int64_t p, std::int64_t q) const {
    return static_cast<A>(vertical.counted(p, count_include_pad) *
                          horizontal.counted(q, count_include_pad));
  }

  Direction vertical, horizontal;
  bool count_include_pad;
};

// Calls body(image, row, column, channel, count) for every pixel and block of channels; the threads
// share the rows.
template <class Body>
void for_each_block(const Shape& images, const Body& body) {
  const std::int64_t height = images[1], width = images[2], channels = images[3];
  const std::int64_t row_elements = std::max<std::int64_t>(width * channels, 1);
  parallel_for(images[0] * height, kGrain / row_elements, [&](auto begin, auto end) {
    for (std::int64_t line = begin; line < end; ++line)
      for (std::int64_t w = 0; w < width; ++w)
        for (std::int64_t c = 0; c < channels; c += kBlock)
          body(line / height, line % height, w, c,
               static_cast<std::size_t>(std::min(kBlock, channels - c)));
  });
}

std::int64_t offset(const Shape& images, std::int64_t n, std::int64_t h, std::int64_t w,
                    std::int64_t c) {
  return ((n * images[1] + h) * images[2] + w) * images[3] + c;
}

// A NaN is larger than every number, so that it propagates.
template <class T>
void max_forward(const Tensor& x, const Geometry& pool, const Tensor& y, const Tensor& argmax) {
  using A = Accumulator<T>;
  const Shape &from = x.shape(), &to = y.shape();
  const T* const input = x.data<T>();
  T* const output = y.data<T>();
  std::uint8_t* const places = argmax.data<std::uint8_t>();
  for_each_block(to, [&](auto n, auto p, auto q, auto c, std::size_t count) {
    const Range rows = pool.vertical.pixels_in(p), columns = pool.horizontal.pixels_in(q);
    std::array<A, kBlock> best;
    std::array<std::int32_t, kBlock> place;
    best.fill(-std::numeric_limits<A>::infinity());
    place.fill(pool.place(rows.first, p, columns.first, q));
    for (std::int64_t h = rows.first; h < rows.last; ++h) {
      for (std::int64_t w = columns.first; w < columns.last; ++w) {
        const T* const pixel = input + offset(from, n, h, w, c);
        const std::int32_t here = pool.place(h, p, w, q);
        for (std::size_t i = 0; i < count; ++i) {
          const A value = static_cast<A>(pixel[i]);
          const bool wins = (value > best[i]) | (value != value);
          best[i] = wins ? value : best[i];
          place[i] = wins ? here : place[i];
        }
      }
    }
    const std::int64_t at = offset(to, n, p, q, c);
    for (std::size_t i = 0; i < count; ++i) output[at + i] = T(best[i]);
    for (std::size_t i = 0; i < count; ++i) places[at + i] = static_cast<std::uint8_t>(place[i]);
  });
}

template <class T>
void max_backward(const Tensor& dy, const Tensor& argmax, const Geometry& pool, const Tensor& dx) {
  using A = Accumulator<T>;
  const Shape &from = dy.shape(), &to = dx.shape();
  const T* const gradients = dy.data<T>();
  const std::uint8_t* const places = argmax.data<std::uint8_t>();
  T* const output = dx.data<T>();
  for_each_block(to, [&](auto n, auto h, auto w, auto c, std::size_t count) {
    const Range rows = pool.vertical.windows_with(h), columns = pool.horizontal.windows_with(w);
    std::array<A, kBlock> total{};
    for (std::int64_t p = rows.first; p < rows.last; ++p) {
      for (std::int64_t q = columns.first; q < columns.last; ++q) {
        const T* const gradient = gradients + offset(from, n, p, q, c);
        const std::uint8_t* const place = places + offset(from, n, p, q, c);
        const std::int32_t here = pool.place(h, p, w, q);
        for (std::size_t i = 0; i < count; ++i)
          total[i] += place[i] == here ? static_cast<A>(gradient[i]) : A(0);
      }
    }
    T* const pixel = output + offset(to, n, h, w, c);
    for (std::size_t i = 0; i < count; ++i) pixel[i] = T(total[i]);
  });
}

template <class T>
void avg_forward(const Tensor& x, const Geometry& pool, const Tensor& y) {
  using A = Accumulator<T>;
  const Shape &from = x.shape(), &to = y.shape();
  const T* const input = x.data<T>();
  T* const output = y.data<T>();
  for_each_block(to, [&](auto n, auto p, auto q, auto c, std::size_t count) {
    const Range rows = pool.vertical.pixels_in(p), columns = pool.horizontal.pixels_in(q);
    const A divisor = pool.divisor<A>(p, q);
    std::array<A, kBlock> total{};
    for (std::int64_t h = rows.first; h < rows.last; ++h) {
      for (std::int64_t w = columns.first; w < columns.last; ++w) {
        const T* const pixel = input + offset(from, n, h, w, c);
        for (std::size_t i = 0; i < count; ++i) total[i] += static_cast<A>(pixel[i]);
      }
    }
    T* const pixel = output + offset(to, n, p, q, c);
    for (std::size_t i = 0; i < count; ++i) pixel[i] = T(total[i] / divisor);
  });
}

template <class T>
void avg_backward(const Tensor& dy, const Geometry& pool, const Tensor& dx) {
  using A = Accumulator<T>;
  const Shape &from = dy.shape(), &to = dx.shape();
  const T* const gradients = dy.data<T>();
  T* const output = dx.data<T>();
  for_each_block(to, [&](auto n, auto h, auto w, auto c, std::size_t count) {
    const Range rows = pool.vertical.windows_with(h), columns = pool.horizontal.windows_with(w);
    std::array<A, kBlock> total{};
    for (std::int64_t p = rows.first; p < rows.last; ++p) {
      for (std::int64_t q = columns.first; q < columns.last; ++q) {
        const T* const gradient = gradients + offset(from, n, p, q, c);
        const A divisor = pool.divisor<A>(p, q);
        for (std::size_t i = 0; i < count; ++i) total[i] += static_cast<A>(gradient[i]) / divisor;
      }
    }
    T* const pixel = output + offset(to, n, h, w, c);
    for (std::size_t i = 0; i < count; ++i) pixel[i] = T(total[i]);
  });
}

}  // namespace

void max_pool2d_forward(const Tensor& x, const Pool2dOptions& options, const Tensor& y,
                        const Tensor& argmax) {
  const Geometry pool(x.shape(), y.shape(), options);
  dispatch_floating("max_pool2d", x.dtype(),
                    [&]<class T>() { max_forward<T>(x, pool, y, argmax); });
}

void max_pool2d_backward(const Tensor& dy, const Tensor& argmax, const Pool2dOptions& options,
                         const Tensor& dx) {
  const Geometry pool(dx.shape(), dy.shape(), options);
  dispatch_floating("max_pool2d", dy.dtype(),
                    [&]<class T>() { max_backward<T>(dy, argmax, pool, dx); });
}

void avg_pool2d_forward(const Tensor& x, const Pool2dOptions& options, const Tensor& y) {
  const Geometry pool(x.shape(), y.shape(), options);
  dispatch_floating("avg_pool2d", x.dtype(), [&]<class T>() { avg_forward<T>(x, pool, y); });
}

void avg_pool2d_backward(const Tensor& dy, const Pool2dOptions& options, const Tensor& dx) {
  const Geometry pool(dx.shape(), dy.shape(), options);
  dispatch_floating("avg_pool2d", dy.dtype(), [&]<class T>() { avg_backward<T>(dy, pool, dx); });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
