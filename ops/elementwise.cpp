// Elementwise ops: shapes and gradient rules for every functor of functors.h, and cast.
#include "ops/checks.h"
#include "ops/kernels.h"

namespace osteon {
namespace {

Shape broadcast_shape(const char* op, const Shape& a, const Shape& b) {
  const std::int64_t rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> extents(static_cast<std::size_t>(rank), 1);
  for (std::int64_t d = 1; d <= rank; ++d) {
    const std::int64_t extent_a = d <= a.rank() ? a[-d] : 1, extent_b = d <= b.rank() ? b[-d] : 1;
    OSTEON_CHECK(extent_a == extent_b || extent_a == 1 || extent_b == 1, op, ": shapes ", a,
                 " and ", b, " do not broadcast: dimension ", -d, " is ", extent_a, " and ",
                 extent_b);
    extents[static_cast<std::size_t>(rank - d)] = extent_a == 1 ? extent_b : extent_a;
  }
  return Shape(std::move(extents));
}

// The gradient of broadcasting: summed over what was repeated.
Tensor sum_to(const Tensor& gradient, const Shape& shape) {
  if (gradient.shape() == shape) return gradient;
  std::vector<std::int64_t> extents(static_cast<std::size_t>(gradient.rank() - shape.rank()), 1);
  extents.insert(extents.end(), shape.extents().begin(), shape.extents().end());
  const Tensor result(Shape(std::move(extents)), gradient.dtype(), gradient.device());
  DISPATCH(gradient, reduce_sum(gradient, 1.0, result));
  return result.view(shape);
}

void check_binary(const char* op, const Tensor& a, const Tensor& b) {
  check_floating(op, "a", a);
  check_same_dtype(op, "a", a, "b", b);
  check_same_device(op, "a", a, "b", b);
}

}  // namespace

// y = f(x): dx = dy f'(x), where f' is computed from x or from y as the functor says.
#define OSTEON_DEFINE_UNARY(op, functor)                                            \
  Tensor op(const Tensor& x) {                                                      \
    check_floating(#op, "input", x);                                                \
    Tensor y = empty_like(x);                                                       \
    DISPATCH(x, op##_forward(x, y));                                                \
    const bool output = functors::functor::saves == functors::Saves::output;        \
    return record(#op, y, {x}, {output ? y : x}, NoAttrs{}, [](const Backward& b) { \
      Tensor dx = empty_like(b.dy);                                                 \
      DISPATCH(dx, op##_backward(b.saved(0), b.dy, dx));                            \
      return Tensors{dx};                                                           \
    });                                                                             \
  }
OSTEON_UNARY_OPS(OSTEON_DEFINE_UNARY)

// y = f(a, b): da = dy df/da, db = dy df/db, each summed over what broadcasting repeated.
#define OSTEON_DEFINE_BINARY(op, functor)                                                  \
  Tensor op(const Tensor& a, const Tensor& b) {                                            \
    check_binary(#op, a, b);                                                               \
    Tensor y(broadcast_shape(#op, a.shape(), b.shape()), a.dtype(), a.device());           \
    DISPATCH(a, op##_forward(a, b, y));                                                    \
    const bool saves = functors::functor::saves_inputs;                                    \
    return record(#op, y, {a, b}, {saves ? a : Tensor(), saves ? b : Tensor()}, NoAttrs{}, \
                  [](const Backward& back) {                                               \
                    const Tensor &left = back.saved(0), &right = back.saved(1);            \
                    Tensor da = back.needs(0) ? empty_like(back.dy) : Tensor();            \
                    Tensor db = back.needs(1) ? empty_like(back.dy) : Tensor();            \
                    DISPATCH(back.dy, op##_backward(left, right, back.dy, da, db));        \
                    if (back.needs(0)) da = sum_to(da, back.input_shape(0));               \
                    if (back.needs(1)) db = sum_to(db, back.input_shape(1));               \
                    return Tensors{da, db};                                                \
                  });                                                                      \
  }
OSTEON_BINARY_OPS(OSTEON_DEFINE_BINARY)

// The derivative of rounding is taken as 1: dx is dy in x's dtype.
Tensor cast(const Tensor& x, DType dtype) {
  check_floating("cast", "input", x);
  OSTEON_CHECK(is_floating(dtype), "cast: to ", dtype, ", expects a floating-point dtype");
  Tensor y(x.shape(), dtype, x.device());
  copy_(y, x);
  return record("cast", y, {x}, {}, dtype, [](const Backward& b) {
    Tensor dx(b.dy.shape(), b.input_dtype(0), b.dy.device());
    copy_(dx, b.dy);
    return Tensors{dx};
  });
}

}  // namespace osteon
