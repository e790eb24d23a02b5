// Pooling: checks, output shape, gradient rules.
#include <algorithm>

#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

void check_image(const char* op, const Tensor& x) {
  check_floating(op, "input", x);
  check_rank(op, "input", x, 4, "[N,H,W,C]");
  OSTEON_CHECK(x.dim(1) >= 1 && x.dim(2) >= 1, op, ": input ", x.shape(),
               " has no pixels, expects height and width of at least 1");
}

// Windows along one direction, with padding before and after the image.
struct Direction {
  const char* name;
  std::int64_t extent, kernel, stride, before, after;
};

// The number of windows. Each overlaps the image, because padding is at most half of the window.
std::int64_t output_extent(const char* op, const Tensor& x, const Direction& d, bool ceil_mode) {
  OSTEON_CHECK(d.kernel >= 1 && d.stride >= 1, op, ": kernel_size ", d.kernel, " and stride ",
               d.stride, " in ", d.name, ", expects at least 1");
  const auto [least, most] = std::minmax(d.before, d.after);
  OSTEON_CHECK(least >= 0 && most <= d.kernel / 2, op, ": padding ", least < 0 ? least : most,
               " in ", d.name, ", expects 0 to ", d.kernel / 2, " (half of kernel_size ", d.kernel,
               ")");
  const std::int64_t last_start =
      d.extent + d.before + d.after - d.kernel + (ceil_mode ? d.stride - 1 : 0);
  OSTEON_CHECK(last_start >= 0, op, ": input ", x.shape(), " is smaller than kernel_size ",
               d.kernel, " less padding ", d.before, " and ", d.after, " in ", d.name,
               "; use a smaller window or a larger image");
  const std::int64_t last = last_start / d.stride;
  return ceil_mode && last * d.stride >= d.extent + d.before ? last : last + 1;
}

Shape output_shape(const char* op, const Tensor& x, const Pool2dOptions& options) {
  const auto& [kernel, stride, padding, ceil_mode, unused] = options;
  return {
      x.dim(0),
      output_extent(op, x,
                    {"height", x.dim(1), kernel.height, stride.height, padding.top, padding.bottom},
                    ceil_mode),
      output_extent(op, x,
                    {"width", x.dim(2), kernel.width, stride.width, padding.left, padding.right},
                    ceil_mode),
      x.dim(3),
  };
}

}  // namespace

// dx is the sum of dy over the windows in which x was the largest element.
Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options) {
  check_image("max_pool2d", x);
  Tensor y(output_shape("max_pool2d", x, options), x.dtype(), x.device());
  const auto& [height, width] = options.kernel_size;
  OSTEON_CHECK(height <= 255 && width <= 255 && height * width <= 255, "max_pool2d: kernel_size ",
               height, " x ", width, ", expects at most 255 positions");
  const Tensor argmax(y.shape(), DType::u8, x.device());
  OSTEON_DISPATCH(x, max_pool2d_forward(x, options, y, argmax));
  return record(schema::max_pool2d, y, {x}, {argmax}, options, [](const Backward& b) -> Tensors {
    const Tensor dx(b.input_shape(0), b.dy().dtype(), b.dy().device());
    OSTEON_DISPATCH(dx, max_pool2d_backward(b.dy(), b.saved(0), b.attrs<Pool2dOptions>(), dx));
    return {dx};
  });
}

// dx is the sum of dy / (positions that count in the window) over the windows that contain x.
Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options) {
  check_image("avg_pool2d", x);
  Tensor y(output_shape("avg_pool2d", x, options), x.dtype(), x.device());
  OSTEON_DISPATCH(x, avg_pool2d_forward(x, options, y));
  return record(schema::avg_pool2d, y, {x}, {}, options, [](const Backward& b) -> Tensors {
    const Tensor dx(b.input_shape(0), b.dy().dtype(), b.dy().device());
    OSTEON_DISPATCH(dx, avg_pool2d_backward(b.dy(), b.attrs<Pool2dOptions>(), dx));
    return {dx};
  });
}

// dx = dy / (H W) at every pixel.
Tensor global_avg_pool2d(const Tensor& x) {
  check_image("global_avg_pool2d", x);
  const Shape places{x.dim(0), 1, 1, x.dim(3)};
  const Tensor y(places, x.dtype(), x.device());
  const double share = 1.0 / static_cast<double>(x.dim(1) * x.dim(2));
  OSTEON_DISPATCH(x, reduce_sum(x, share, y));
  return record(
      schema::global_avg_pool2d, y.view({x.dim(0), x.dim(3)}), {x}, {}, {}, [](const Backward& b) {
        const Shape& shape = b.input_shape(0);
        Tensor dx(shape, b.dy().dtype(), b.dy().device());
        const Tensor dy = b.dy().view({shape[0], 1, 1, shape[3]});
        OSTEON_DISPATCH(dx, expand(dy, 1.0 / static_cast<double>(shape[1] * shape[2]), dx));
        return Tensors{dx};
      });
}

}  // namespace osteon
