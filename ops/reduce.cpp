// sum, mean, amax and expand: the reduced and the repeated dimensions, and the gradient rules.
#include "ops/broadcast.h"
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

// The two shapes of a result: with the reduced extents as 1, and as requested by the caller.
struct Reduction {
  Shape kept, result;
  double count = 1;  // elements per result
};

Reduction reduction(const char* op, const Tensor& x, const std::vector<std::int64_t>& dims,
                    bool keepdim) {
  check_floating(op, "input", x);
  std::vector<bool> reduced(static_cast<std::size_t>(x.rank()), dims.empty());
  for (const std::int64_t dim : dims) {
    const auto d = static_cast<std::size_t>(check_dim(op, "input", x, dim));
    OSTEON_CHECK(!reduced[d], op, ": dimension ", dim, " of ", x.shape(), " is named twice");
    reduced[d] = true;
  }
  std::vector<std::int64_t> kept, result;
  double count = 1;
  for (std::size_t d = 0; d < reduced.size(); ++d) {
    const std::int64_t extent = x.dim(static_cast<std::int64_t>(d));
    kept.push_back(reduced[d] ? 1 : extent);
    if (reduced[d]) count *= static_cast<double>(extent);
    if (keepdim || !reduced[d]) result.push_back(kept.back());
  }
  return {Shape(std::move(kept)), Shape(std::move(result)), count};
}

// y = scale * sum of x, so dx = scale * dy.
Tensor scaled_sum(const schema::Reduction& op, const Tensor& x, const Reduction& shapes,
                  double scale) {
  const Tensor kept(shapes.kept, x.dtype(), x.device());
  OSTEON_DISPATCH(x, reduce_sum(x, scale, kept));
  return record(op, kept.view(shapes.result), {x}, {}, {shapes.kept, scale}, [](const Backward& b) {
    const auto& attrs = b.attrs<schema::SumAttrs>();
    Tensor dx(b.input_shape(0), b.dy().dtype(), b.dy().device());
    OSTEON_DISPATCH(dx, expand(b.dy().view(attrs.kept), attrs.scale, dx));
    return Tensors{dx};
  });
}

}  // namespace

Tensor sum(const Tensor& x, const std::vector<std::int64_t>& dims, bool keepdim) {
  return scaled_sum(schema::sum, x, reduction("sum", x, dims, keepdim), 1.0);
}

Tensor mean(const Tensor& x, const std::vector<std::int64_t>& dims, bool keepdim) {
  const Reduction shapes = reduction("mean", x, dims, keepdim);
  OSTEON_CHECK(shapes.count > 0, "mean: input ", x.shape(), " has no elements to average");
  return scaled_sum(schema::mean, x, shapes, 1.0 / shapes.count);
}

// dx = dy / (number of maxima) where x is the maximum, else 0.
Tensor amax(const Tensor& x, const std::vector<std::int64_t>& dims, bool keepdim) {
  const Reduction shapes = reduction("amax", x, dims, keepdim);
  OSTEON_CHECK(shapes.count > 0, "amax: input ", x.shape(), " has no elements to compare");
  const Tensor kept(shapes.kept, x.dtype(), x.device());
  OSTEON_DISPATCH(x, reduce_max(x, kept));
  return record(schema::amax, kept.view(shapes.result), {x}, {x, kept}, {}, [](const Backward& b) {
    const Tensor &input = b.saved(0), &largest = b.saved(1);
    Tensor dx = empty_like(input);
    OSTEON_DISPATCH(dx, reduce_max_backward(input, largest, b.dy().view(largest.shape()), dx));
    return Tensors{dx};
  });
}

// dx is the sum of dy over the repetitions.
Tensor expand(const Tensor& x, const std::vector<std::int64_t>& extents) {
  check_floating("expand", "input", x);
  const auto rank = static_cast<std::int64_t>(extents.size());
  OSTEON_CHECK(rank >= x.rank(), "expand: ", rank, " extents for input ", x.shape(),
               ", expects at least ", x.rank());
  std::vector<std::int64_t> resolved = extents;
  for (std::int64_t d = 1; d <= rank; ++d) {
    std::int64_t& extent = resolved[static_cast<std::size_t>(rank - d)];
    const bool is_new = d > x.rank();
    if (extent == -1 && !is_new) extent = x.dim(-d);
    OSTEON_CHECK(extent >= 0 && (is_new || x.dim(-d) == 1 || x.dim(-d) == extent),
                 "expand: extent ", extent, " for dimension ", -d, " of input ", x.shape(),
                 ", expects ", is_new ? "0 or more" : "-1, or any if the extent of x is 1");
  }
  const Tensor y(Shape(std::move(resolved)), x.dtype(), x.device());
  OSTEON_DISPATCH(x, expand(x, 1.0, y));
  return record(schema::expand, y, {x}, {}, {},
                [](const Backward& b) -> Tensors { return {sum_to(b.dy(), b.input_shape(0))}; });
}

}  // namespace osteon
