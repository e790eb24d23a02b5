// The warp on the CPU, arranged for vectorisation: an image is first copied to floating-point
// numbers with a black border, so that pixels outside need no branch. Then each output row is
// sampled in one loop and normalised in the next.
#include <type_traits>
#include <vector>

#include "base/parallel.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // minimum output pixels per thread

// An image with a black border: one pixel above and on the left, two below and on the right.
// Coordinates count from the border's corner. Coordinates clamped to [0, end], and their right and
// lower neighbours, lie inside the border; a clamped coordinate is black before and after clamping.
template <class A>
struct FramedImage {
  FramedImage(std::int64_t image_height, std::int64_t image_width, std::int64_t image_channels)
      : height(image_height),
        width(image_width),
        channels(image_channels),
        pixels(static_cast<std::size_t>((height + 3) * (width + 3) * channels)) {}

  void load(const std::uint8_t* image) {
    const std::int64_t row = width * channels;
    for (std::int64_t h = 0; h < height; ++h) {
      A* const to = pixels.data() + ((h + 1) * (width + 3) + 1) * channels;
      for (std::int64_t i = 0; i < row; ++i) to[i] = static_cast<A>(image[h * row + i]);
    }
  }

  std::int64_t height, width, channels;
  std::vector<A> pixels;
};

// The line of sampling points of an output row: (x, y) + column (dx, dy).
template <class A>
struct Line {
  A x, y, dx, dy;
};

// From the matrix [2,3] that maps output pixels to input pixels.
template <class A, class M>
Line<A> line_of(const M* matrix, std::int64_t row) {
  const auto m = [matrix](int i) { return static_cast<double>(matrix[i]); };
  const auto r = static_cast<double>(row);
  return {static_cast<A>(m(1) * r + m(2) + 1), static_cast<A>(m(4) * r + m(5) + 1),
          static_cast<A>(m(0)), static_cast<A>(m(3))};
}

// Clamps to [0, end]; a NaN becomes 0, which is black. In two steps, one instruction each.
template <class A>
A clamp(A value, A end) {
  const A not_negative = value > 0 ? value : A(0);
  return not_negative < end ? not_negative : end;
}

// values[column, c] = the image at the column's point of the line, interpolated bilinearly.
// `channels` is a number or a compile-time constant, of 32 bits if possible: the compiler gathers
// with indices of that size.
template <class A, class Channels>
void sample_row(const FramedImage<A>& image, const Line<A>& line, std::int32_t columns,
                Channels channels, A* values) {
  const A* const pixels = image.pixels.data();
  const auto pitch = static_cast<std::int32_t>(image.width + 3);
  const auto end_x = static_cast<A>(image.width + 1), end_y = static_cast<A>(image.height + 1);
  // Plain copies, because clang cannot capture structured bindings in an OpenMP loop.
  const A start_x = line.x, start_y = line.y, dx = line.dx, dy = line.dy;
#pragma omp simd
  for (std::int32_t column = 0; column < columns; ++column) {
    const A x = clamp(start_x + static_cast<A>(column) * dx, end_x);
    const A y = clamp(start_y + static_cast<A>(column) * dy, end_y);
    const auto left = static_cast<std::int32_t>(x), top = static_cast<std::int32_t>(y);
    const A right_share = x - static_cast<A>(left), lower_share = y - static_cast<A>(top);
    const auto upper = (top * pitch + left) * channels, lower = upper + pitch * channels;
    for (auto c = 0 * channels; c < channels; ++c) {
      const A a = pixels[upper + c], b = pixels[upper + channels + c];
      const A d = pixels[lower + c], e = pixels[lower + channels + c];
      const A above = a + right_share * (b - a), below = d + right_share * (e - d);
      values[column * channels + c] = above + lower_share * (below - above);
    }
  }
}

// output[column, c] = (values[column, c or 0] / 255 - mean[c]) / std[c]
template <class T, class A, class Sampled, class Channels>
void normalise_row(const A* values, std::int32_t columns, Sampled sampled, Channels channels,
                   const A* mean, const A* inverse_std, T* output) {
#pragma omp simd
  for (std::int32_t column = 0; column < columns; ++column)
    for (auto c = 0 * channels; c < channels; ++c) {
      const A value = values[column * sampled + (sampled == 1 ? 0 : c)] / A(255);
      output[column * channels + c] = T((value - mean[c]) * inverse_std[c]);
    }
}

template <class T, class M, class Sampled, class Channels>
void warp(const Tensor& images, const Tensor& matrices, const WarpOptions& options, const Tensor& y,
          Sampled sampled, Channels channels) {
  using A = Accumulator<T>;
  std::vector<A> mean, inverse_std;
  for (const double value : options.mean) mean.push_back(static_cast<A>(value));
  for (const double value : options.std) inverse_std.push_back(static_cast<A>(1 / value));
  const std::int64_t height = images.dim(1), width = images.dim(2);
  const auto columns = static_cast<std::int32_t>(options.width);
  const std::uint8_t* const input = images.data<std::uint8_t>();
  const M* const matrix = matrices.data<M>();
  T* const output = y.data<T>();
  const std::int64_t lines = images.dim(0) * options.height;
  parallel_for(lines, kGrain / columns, [&](std::int64_t begin, std::int64_t end) {
    FramedImage<A> image(height, width, sampled);
    std::vector<A> values(static_cast<std::size_t>(columns * sampled));
    std::int64_t loaded = -1;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t n = i / options.height;
      if (n != loaded) image.load(input + n * height * width * sampled);
      loaded = n;
      const Line<A> line = line_of<A>(matrix + n * 6, i % options.height);
      sample_row(image, line, columns, sampled, values.data());
      normalise_row(values.data(), columns, sampled, channels, mean.data(), inverse_std.data(),
                    output + i * columns * channels);
    }
  });
}

// The common numbers of channels are compile-time constants: for these the loops over pixels are
// vectorised.
template <class T, class M>
void warp(const Tensor& images, const Tensor& matrices, const WarpOptions& options,
          const Tensor& y) {
  using One = std::integral_constant<std::int32_t, 1>;
  using Three = std::integral_constant<std::int32_t, 3>;
  const std::int64_t sampled = images.dim(3), channels = y.dim(3);
  if (sampled == 1 && channels == 1)
    warp<T, M>(images, matrices, options, y, One{}, One{});
  else if (sampled == 1 && channels == 3)
    warp<T, M>(images, matrices, options, y, One{}, Three{});
  else if (sampled == 3)
    warp<T, M>(images, matrices, options, y, Three{}, Three{});
  else
    warp<T, M>(images, matrices, options, y, sampled, channels);
}

}  // namespace

void warp_affine(const Tensor& images, const Tensor& matrices, const WarpOptions& options,
                 const Tensor& y) {
  dispatch_floating("warp_affine", y.dtype(), [&]<class T>() {
    if (matrices.dtype() == DType::f64)
      warp<T, double>(images, matrices, options, y);
    else
      warp<T, float>(images, matrices, options, y);
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
