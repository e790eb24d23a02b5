// Convolution as matrix products. Each window of the input becomes one row of a matrix ("im2col"),
// one tile of rows at a time, so that the matrix stays in the cache:
//
//   forward          Y[tile, K]    = rows(X) [tile, RSC] . W[K, RSC]^T
//   weight gradient  dW[K, RSC]   += dY[tile, K]^T . rows(X)
//   input gradient   drows         = dY[tile, K] . W[K, RSC], added back to the pixels of each row
//
// With images as [N,H,W,C] a window's pixels are runs of memory, and for a 1x1 convolution of
// stride 1 the rows are the input itself.
#include <algorithm>
#include <cstring>

#include "base/parallel.h"
#include "ops/convolution/run.h"
#include "ops/cpu/add_activation.h"
#include "ops/cpu/convolution/geometry.h"
#include "ops/cpu/matrix.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

using convolution::Direction;

constexpr std::int64_t kTileElements = 512 * 1024;  // of the row matrix
constexpr std::int64_t kMinTileRows = 128;

std::int64_t tile_rows(const Geometry& g) {
  return std::max(kTileElements / g.window, kMinTileRows);
}

// Calls visit(row_offset, input_offset, count) for the contiguous runs of a window inside the
// image: `count` elements at `input_offset` of the images belong at `row_offset` of the row. Kernel
// positions outside the image are skipped.
template <class Visit>
void for_each_run(const Geometry& g, std::int64_t row, std::int64_t group, const Visit& visit) {
  const std::int64_t image = row / (g.output_height * g.output_width);
  const std::int64_t place = row % (g.output_height * g.output_width);
  const std::int64_t top = place / g.output_width * g.conv.stride.height - g.conv.padding.top;
  const std::int64_t left = place % g.output_width * g.conv.stride.width - g.conv.padding.left;
  const bool contiguous = g.conv.groups == 1 && g.conv.dilation.width == 1;
  const std::int64_t first = std::max<std::int64_t>(0, -left);
  const std::int64_t last = std::min(g.kernel_width, g.width - left);
  for (std::int64_t r = 0; r < g.kernel_height; ++r) {
    const std::int64_t h = top + r * g.conv.dilation.height;
    if (h < 0 || h >= g.height) continue;
    const std::int64_t line = (image * g.height + h) * g.width;
    const std::int64_t row_offset = r * g.kernel_width * g.group_channels;
    if (contiguous) {
      if (first < last)
        visit(row_offset + first * g.channels, (line + left + first) * g.channels,
              (last - first) * g.channels);
      continue;
    }
    for (std::int64_t s = 0; s < g.kernel_width; ++s) {
      const std::int64_t w = left + s * g.conv.dilation.width;
      if (w < 0 || w >= g.width) continue;
      visit(row_offset + s * g.group_channels, (line + w) * g.channels + group * g.group_channels,
            g.group_channels);
    }
  }
}

// Rows [begin, end) of the row matrix of one group.
template <class T>
class RowTile {
 public:
  using A = Accumulator<T>;
  RowTile(const Geometry& g, std::int64_t capacity)
      : g_(g), memory_({capacity * g.window}, dtype_of<A>()) {}

  ConstMatrixMap<A> gather(const T* x, std::int64_t begin, std::int64_t end, std::int64_t group) {
    if constexpr (std::is_same_v<T, A>)
      if (g_.is_plain_product())
        return matrix(x + begin * g_.window, end - begin, g_.window, g_.window);
    A* to = memory_.template data<A>();
    std::fill(to, to + (end - begin) * g_.window, A(0));
    for (std::int64_t row = begin; row < end; ++row, to += g_.window)
      for_each_run(g_, row, group, [&](std::int64_t at, std::int64_t from, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) to[at + i] = static_cast<A>(x[from + i]);
      });
    return matrix(const_cast<const A*>(memory_.template data<A>()), end - begin, g_.window,
                  g_.window);
  }

 private:
  const Geometry& g_;
  Tensor memory_;
};

template <class T>
void forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Geometry& g,
             const Tensor& y) {
  const AccumulatorInput<T> filters(weight.data<T>(), weight.numel());
  const Tensor offsets = bias.defined() ? converted(bias, dtype_of<Accumulator<T>>()) : Tensor();
  parallel_for(g.rows, kMinTileRows / 4, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t tile = std::min(tile_rows(g), end - begin);
    RowTile<T> rows(g, tile);
    for (std::int64_t at = begin; at < end; at += tile) {
      const std::int64_t count = std::min(tile, end - at);
      const AccumulatorOutput<T> out(y.data<T>() + at * g.filters, count * g.filters);
      for (std::int64_t group = 0; group < g.conv.groups; ++group) {
        const std::int64_t first = group * g.group_filters;
        const auto w =
            matrix(filters.data() + first * g.window, g.group_filters, g.window, g.window);
        auto product = matrix(out.data() + first, count, g.group_filters, g.filters);
        multiply({rows.gather(x.data<T>(), at, at + count, group)}, {w, true}, product);
        if (bias.defined())
          product.rowwise() +=
              matrix(offsets.data<Accumulator<T>>() + first, 1, g.group_filters, g.filters).row(0);
      }
      out.store();
    }
  });
}

template <class T>
void backward_input(const Tensor& dy, const Tensor& weight, const Geometry& g, const Tensor& dx) {
  using A = Accumulator<T>;
  const AccumulatorInput<T> filters(weight.data<T>(), weight.numel());
  const std::int64_t places = g.output_height * g.output_width;
  const std::int64_t image_elements = g.height * g.width * g.channels;
  // Windows overlap only within an image, so each thread processes whole images.
  parallel_for(g.images, 1, [&](std::int64_t first_image, std::int64_t last_image) {
    const std::int64_t tile = std::min(tile_rows(g), places);
    const Tensor memory({tile * g.window}, dtype_of<A>());
    for (std::int64_t image = first_image; image < last_image; ++image) {
      const AccumulatorOutput<T> out(dx.data<T>() + image * image_elements, image_elements);
      std::fill(out.data(), out.data() + image_elements, A(0));
      for (std::int64_t at = image * places; at < (image + 1) * places; at += tile) {
        const std::int64_t count = std::min(tile, (image + 1) * places - at);
        const AccumulatorInput<T> gradient(dy.data<T>() + at * g.filters, count * g.filters);
        for (std::int64_t group = 0; group < g.conv.groups; ++group) {
          const std::int64_t first = group * g.group_filters;
          // [exercise 4b]
          multiply({matrix(gradient.data() + first, count, g.group_filters, g.filters)},
                   {matrix(filters.data() + first * g.window, g.group_filters, g.window, g.window)},
                   matrix(memory.data<A>(), count, g.window, g.window));
          for (std::int64_t row = 0; row < count; ++row)
            for_each_run(g, at + row, group,
                         [&](std::int64_t from, std::int64_t to, std::int64_t n) {
                           A* target = out.data() + to - image * image_elements;
                           const A* source = memory.data<A>() + row * g.window + from;
                           for (std::int64_t i = 0; i < n; ++i) target[i] += source[i];
                         });
          // [exercise end]
        }
      }
      out.store();
    }
  });
}

// dX = dY . W: no rows are scattered, so any pixel can be computed by any thread.
template <class T>
void backward_input_plain(const Tensor& dy, const Tensor& weight, const Geometry& g,
                          const Tensor& dx) {
  const AccumulatorInput<T> filters(weight.data<T>(), weight.numel());
  parallel_for(g.rows, kMinTileRows / 4, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t count = end - begin;
    const AccumulatorInput<T> gradient(dy.data<T>() + begin * g.filters, count * g.filters);
    const AccumulatorOutput<T> out(dx.data<T>() + begin * g.channels, count * g.channels);
    multiply({matrix(gradient.data(), count, g.filters, g.filters)},
             {matrix(filters.data(), g.filters, g.channels, g.channels)},
             matrix(out.data(), count, g.channels, g.channels));
    out.store();
  });
}

template <class T>
void backward_weight(const Tensor& dy, const Tensor& x, const Geometry& g, const Tensor& dweight) {
  using A = Accumulator<T>;
  const std::int64_t elements = g.filters * g.window;
  // One partial sum per thread, added in thread order: the same bits for the same number of
  // threads.
  const Tensor partial({num_threads(), elements}, dtype_of<A>());
  const int used = parallel_ranges(
      g.rows, kMinTileRows / 4, [&](int thread, std::int64_t begin, std::int64_t end) {
        A* sum = partial.data<A>() + thread * elements;
        std::fill(sum, sum + elements, A(0));
        const std::int64_t tile = std::min(tile_rows(g), end - begin);
        RowTile<T> rows(g, tile);
        for (std::int64_t at = begin; at < end; at += tile) {
          const std::int64_t count = std::min(tile, end - at);
          const AccumulatorInput<T> gradient(dy.data<T>() + at * g.filters, count * g.filters);
          for (std::int64_t group = 0; group < g.conv.groups; ++group) {
            const std::int64_t first = group * g.group_filters;
            // [exercise 4a]
            add_transposed_product(
                matrix(gradient.data() + first, count, g.group_filters, g.filters),
                rows.gather(x.data<T>(), at, at + count, group),
                matrix(sum + first * g.window, g.group_filters, g.window, g.window));
            // [exercise end]
          }
        }
      });
  const auto store = [&](auto* out) {
    parallel_for(elements, 4096, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        A total = 0;
        for (int thread = 0; thread < used; ++thread)
          total += partial.data<A>()[thread * elements + i];
        out[i] = std::remove_reference_t<decltype(*out)>(total);
      }
    });
  };
  if (dweight.dtype() == dtype_of<T>())
    store(dweight.data<T>());
  else
    store(dweight.data<A>());
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                    const Tensor& residual, Activation activation, const Conv2dOptions& options,
                    const Tensor& y) {
  convolution::compute({Direction::forward, x, weight, y, bias, residual, activation, options},
                       [&] {
                         const Geometry g(x.shape(), weight.shape(), y.shape(), options);
                         dispatch_floating("conv2d", x.dtype(), [&]<class T>() {
                           forward<T>(x, converted(weight, x.dtype()), bias, g, y);
                         });
                         if (residual.defined() || activation != Activation::none)
                           add_activation(residual, activation, y);
                       });
}

void conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dOptions& options,
                           const Tensor& addend, const TakeReluMask&, const Tensor& dx) {
  convolution::compute(
      {Direction::backward_input, dx, weight, dy, Tensor(), addend, Activation::none, options},
      [&] {
        const Tensor filters = converted(weight, dy.dtype());
        const Geometry g(dx.shape(), weight.shape(), dy.shape(), options);
        dispatch_floating("conv2d", dy.dtype(), [&]<class T>() {
          if (g.is_plain_product())
            backward_input_plain<T>(dy, filters, g, dx);
          else
            backward_input<T>(dy, filters, g, dx);
        });
        if (addend.defined()) add_(dx, addend);
      });
}

void conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Conv2dOptions& options,
                            const Tensor& dweight) {
  convolution::compute(
      {Direction::backward_weight, x, dweight, dy, Tensor(), Tensor(), Activation::none, options},
      [&] {
        const Geometry g(x.shape(), dweight.shape(), dy.shape(), options);
        dispatch_floating("conv2d", dy.dtype(),
                          [&]<class T>() { backward_weight<T>(dy, x, g, dweight); });
      });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
