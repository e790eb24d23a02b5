// linear and matmul: checks, output shapes, gradient rules. Both use one kernel on [B, rows,
// columns].
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

// Merges the leading dimensions: [..., M, N] -> [B, M, N].
Tensor as_batch(const Tensor& x) {
  const std::int64_t rows = x.dim(-2), columns = x.dim(-1);
  std::int64_t batch = 1;
  for (std::int64_t d = 0; d < x.rank() - 2; ++d) batch *= x.dim(d);
  return x.view({batch, rows, columns});
}

// [..., in] -> [1, M, in].
Tensor as_rows(const Tensor& x) {
  std::int64_t rows = 1;
  for (std::int64_t d = 0; d < x.rank() - 1; ++d) rows *= x.dim(d);
  return x.view({1, rows, x.dim(-1)});
}

Tensor product(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
               const Shape& shape) {
  Tensor y(shape, a.dtype(), a.device());
  OSTEON_DISPATCH(
      a, matmul(as_batch(a), as_batch(b), transpose_a, transpose_b, Tensor(), as_batch(y)));
  return y;
}

}  // namespace

// With y = x w^T + b: dx = dy w, dw = dy^T x, db = the sum of dy's rows.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check_floating("linear", "input", x);
  check_rank("linear", "weight", weight, 2, "[out,in]");
  check_same_dtype("linear", "input", x, "weight", weight);
  check_same_device("linear", "input", x, "weight", weight);
  OSTEON_CHECK(x.rank() >= 1 && x.dim(-1) == weight.dim(1), "linear: input ", x.shape(),
               " does not end in the ", weight.dim(1), " features that weight ", weight.shape(),
               " expects");
  if (bias.defined()) {
    check_shape("linear", "bias", bias, {weight.dim(0)});
    check_same_dtype("linear", "input", x, "bias", bias);
    check_same_device("linear", "input", x, "bias", bias);
  }
  std::vector<std::int64_t> extents = x.shape().extents();
  extents.back() = weight.dim(0);
  Tensor y(Shape(std::move(extents)), x.dtype(), x.device());
  OSTEON_DISPATCH(x, matmul(as_rows(x), as_batch(weight), false, true, bias, as_rows(y)));
  return record(schema::linear, y, {x, weight, bias}, {x, weight}, {}, [](const Backward& b) {
    const Tensor dy = as_rows(b.dy()), input = as_rows(b.saved(0)), &filters = b.saved(1);
    Tensor dx, dweight, dbias;
    if (b.needs(schema::linear.x)) {
      dx = empty_like(b.saved(0));
      OSTEON_DISPATCH(dx, matmul(dy, as_batch(filters), false, false, Tensor(), as_rows(dx)));
    }
    if (b.needs(schema::linear.weight)) {
      dweight = b.gradient_memory(schema::linear.weight);
      OSTEON_DISPATCH(dweight, matmul(dy, input, true, false, Tensor(), as_batch(dweight)));
    }
    if (b.needs(schema::linear.bias)) dbias = sum(dy, {0, 1});
    return Tensors{dx, dweight, dbias};
  });
}

// With y = a b: da = dy b^T, db = a^T dy. If a factor was transposed, its gradient is also
// transposed: (dy b^T)^T = b dy^T.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  check_floating("matmul", "a", a);
  check_same_dtype("matmul", "a", a, "b", b);
  check_same_device("matmul", "a", a, "b", b);
  OSTEON_CHECK(a.rank() >= 2 && a.rank() == b.rank(), "matmul: a ", a.shape(), " and b ", b.shape(),
               " must be two matrices, or two batches of matrices with the same rank");
  std::vector<std::int64_t> extents = a.shape().extents();
  for (std::int64_t d = 0; d < a.rank() - 2; ++d)
    OSTEON_CHECK(a.dim(d) == b.dim(d), "matmul: a ", a.shape(), " and b ", b.shape(),
                 " differ in the leading dimension ", d);
  const std::int64_t inner_a = a.dim(transpose_a ? -2 : -1);
  const std::int64_t inner_b = b.dim(transpose_b ? -1 : -2);
  OSTEON_CHECK(inner_a == inner_b, "matmul: a ", a.shape(), transpose_a ? " transposed" : "",
               " has ", inner_a, " columns but b ", b.shape(), transpose_b ? " transposed" : "",
               " has ", inner_b, " rows");
  extents[extents.size() - 2] = a.dim(transpose_a ? -1 : -2);
  extents[extents.size() - 1] = b.dim(transpose_b ? -2 : -1);
  Tensor y = product(a, b, transpose_a, transpose_b, Shape(std::move(extents)));
  return record(schema::matmul, y, {a, b}, {a, b}, {transpose_a, transpose_b},
                [](const Backward& back) {
                  const auto [ta, tb] = back.attrs<schema::MatmulAttrs>();
                  const Tensor &left = back.saved(0), &right = back.saved(1), &dy = back.dy();
                  Tensor da, db;
                  if (back.needs(0))
                    da = ta ? product(right, dy, tb, true, left.shape())
                            : product(dy, right, false, !tb, left.shape());
                  if (back.needs(1))
                    db = tb ? product(dy, left, true, ta, right.shape())
                            : product(left, dy, !ta, false, right.shape());
                  return Tensors{da, db};
                });
}

}  // namespace osteon
