// upsample and adaptive_avg_pool2d. Both are linear and separable: a matrix [out, in] for each
// direction, applied to the columns and then to the rows. The gradients are those of matmul. The
// matrices are computed in double; products of bf16 images are in f32.
//
// Sources: PyTorch's F.interpolate and F.adaptive_avg_pool2d; R. Keys, "Cubic convolution
// interpolation for digital image processing", 1981, for the cubic filter; Pillow's resize for
// antialiasing.
#include <algorithm>
#include <cmath>

#include "ops/checks.h"
#include "ops/constants.h"
#include "ops/precision.h"

namespace osteon {
namespace {

// The matrix of one direction, row-major: `out` rows of weights of `in` positions.
struct Weights {
  Weights(std::int64_t in_, std::int64_t out_)
      : in(in_), out(out_), elements(static_cast<std::size_t>(in * out)) {}

  // Adds to the weight of a position in row i; positions outside count as the nearest one inside.
  void add(std::int64_t i, std::int64_t position, double weight) {
    position = std::clamp<std::int64_t>(position, 0, in - 1);
    elements[static_cast<std::size_t>(i * in + position)] += weight;
  }

  std::int64_t in, out;
  std::vector<double> elements;
};

// Keys' cubic filter. a is its slope at distance 1.
double cubic(double distance, double a) {
  const double x = std::abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// Input positions per output position. With align_corners the centres of the first and of the last
// pixels coincide; otherwise the outer edges do.
double step_of(std::int64_t in, std::int64_t out, bool align_corners) {
  if (!align_corners) return static_cast<double>(in) / static_cast<double>(out);
  return out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
}

// The filter at the position of each output pixel.
Weights interpolation(std::int64_t in, std::int64_t out, const UpsampleOptions& options) {
  Weights weights(in, out);
  const double step = step_of(in, out, options.align_corners);
  for (std::int64_t i = 0; i < out; ++i) {
    const auto place = static_cast<double>(i);
    const double position = options.align_corners ? place * step : (place + 0.5) * step - 0.5;
    const auto before = static_cast<std::int64_t>(std::floor(position));
    const double beyond = position - static_cast<double>(before);
    if (options.mode == UpsampleMode::bilinear) {
      weights.add(i, before, 1 - beyond);
      weights.add(i, before + 1, beyond);
    } else {
      for (std::int64_t k = -1; k <= 2; ++k)
        weights.add(i, before + k, cubic(static_cast<double>(k) - beyond, -0.75));
    }
  }
  return weights;
}

// The filter, made wider by the factor of a reduction, at the centre of each output pixel, with the
// sum of its weights inside the image as 1.
Weights antialiased(std::int64_t in, std::int64_t out, const UpsampleOptions& options) {
  Weights weights(in, out);
  const bool is_linear = options.mode == UpsampleMode::bilinear;
  const double step = step_of(in, out, options.align_corners), width = std::max(step, 1.0);
  const double support = (is_linear ? 1 : 2) * width;
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step;
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(centre - support + 0.5), 0);
    const auto last = std::min(static_cast<std::int64_t>(centre + support + 0.5), in);
    const auto filter = [&](std::int64_t position) {
      const double distance = (static_cast<double>(position) + 0.5 - centre) / width;
      return is_linear ? std::max(1 - std::abs(distance), 0.0) : cubic(distance, -0.5);
    };
    double sum = 0;
    for (std::int64_t position = first; position < last; ++position) sum += filter(position);
    for (std::int64_t position = first; position < last; ++position)
      weights.add(i, position, filter(position) / sum);
  }
  return weights;
}

// The mean over positions floor(i in / out) to ceil((i + 1) in / out) - 1.
Weights means(std::int64_t in, std::int64_t out) {
  Weights weights(in, out);
  for (std::int64_t i = 0; i < out; ++i) {
    const std::int64_t first = i * in / out, end = ((i + 1) * in + out - 1) / out;
    for (std::int64_t position = first; position < end; ++position)
      weights.add(i, position, 1 / static_cast<double>(end - first));
  }
  return weights;
}

// Applies weights_of(in, out) to the columns and to the rows of the images.
template <class WeightsOf>
Tensor resampled(const Tensor& x, const Spatial& size, const WeightsOf& weights_of) {
  const std::int64_t count = x.dim(0), height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  const auto matrix = [&](std::int64_t in, std::int64_t out) {
    return constant(weights_of(in, out).elements, {out, in}, wide_dtype(x.dtype()), x.device());
  };
  Tensor y = widened(x);
  if (size.width != width) y = matmul(matrix(width, size.width), y);
  if (size.height != height) {
    y = matmul(matrix(height, size.height), reshape(y, {count, height, size.width * channels}));
    y = reshape(y, {count, size.height, size.width, channels});
  }
  return narrowed(y, x.dtype());
}

// floor(i in / out) in the precision of PyTorch, whose rounding differs for a few sizes.
Tensor nearest(const Tensor& x, std::int64_t dim, std::int64_t out) {
  const std::int64_t in = x.dim(dim);
  if (in == out) return x;
  const float step = static_cast<float>(in) / static_cast<float>(out);
  return select(x, dim, out, [=](std::int64_t i) {
    return std::min(static_cast<std::int64_t>(std::floor(static_cast<float>(i) * step)), in - 1);
  });
}

void check_sizes(const char* op, const Tensor& x, const Spatial& size) {
  check_floating(op, "input", x);
  check_rank(op, "input", x, 4, "[N,H,W,C]");
  OSTEON_CHECK(x.dim(1) >= 1 && x.dim(2) >= 1 && size.height >= 1 && size.width >= 1, op,
               ": from input ", x.shape(), " to ", size.height, " x ", size.width,
               " pixels, expects at least 1 in both directions");
}

}  // namespace

Tensor adaptive_avg_pool2d(const Tensor& x, const Spatial& output) {
  check_sizes("adaptive_avg_pool2d", x, output);
  if (x.dim(1) % output.height == 0 && x.dim(2) % output.width == 0) {
    const Spatial window(x.dim(1) / output.height, x.dim(2) / output.width);
    return avg_pool2d(x, {.kernel_size = window, .stride = window});
  }
  return resampled(x, output, means);
}

Tensor upsample(const Tensor& x, const Spatial& size, const UpsampleOptions& options) {
  check_sizes("upsample", x, size);
  if (options.mode == UpsampleMode::nearest) {
    OSTEON_CHECK(!options.align_corners && !options.antialias,
                 "upsample: align_corners and antialias have no meaning for nearest; use bilinear "
                 "or bicubic");
    return nearest(nearest(x, 2, size.width), 1, size.height);
  }
  return resampled(x, size, [&](std::int64_t in, std::int64_t out) {
    return options.antialias ? antialiased(in, out, options) : interpolation(in, out, options);
  });
}

}  // namespace osteon
