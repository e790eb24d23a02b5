// linear and matmul: checks, output shapes, gradient rules. Both use one kernel on [B, rows,
// columns].
#include <algorithm>

#include "ops/backend.h"
#include "ops/broadcast.h"
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/onednn/onednn.h"
#include "ops/schema.h"
#include "ops/strassen.h"

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

std::int64_t matrices_in(const Shape& shape) {
  std::int64_t count = 1;
  for (std::int64_t d = 0; d < shape.rank() - 2; ++d) count *= shape[d];
  return count;
}

// The leading dimensions of `shape`.
Shape leading(const Shape& shape) {
  return Shape(std::vector<std::int64_t>(shape.extents().begin(), shape.extents().end() - 2));
}

Shape with_matrices(const Shape& leading, std::int64_t rows, std::int64_t columns) {
  std::vector<std::int64_t> extents = leading.extents();
  extents.insert(extents.end(), {rows, columns});
  return Shape(std::move(extents));
}

// Whether Strassen's algorithm is the fastest on the CPU (docs/performance.md). It has been
// measured with AVX2, and is as fast as sgemm on plain x86-64.
bool is_by_strassen(const Tensor& a, const Tensor& b, bool transpose_a, const Tensor& y) {
  constexpr std::int64_t kFew = 256, kMany = 1024;
  const bool is_single = a.dim(0) == 1 && b.dim(0) == 1;
  if (!is_single || y.dtype() != DType::f32 || backend() == Backend::reference ||
      instruction_set() != InstructionSet::avx2)
    return false;
  const std::int64_t rows = y.dim(1), columns = y.dim(2), inner = a.dim(transpose_a ? 1 : 2);
  // A filter gradient copies both factors; sgemm takes longer only for small results.
  if (transpose_a)
    return inner >= kMany && std::min(rows, columns) >= kFew && y.numel() <= kFew * kMany;
  return rows >= kMany && std::min(inner, columns) >= kFew;
}

// The kernel; on the CPU a faster product instead, if there is one for these matrices.
void multiply(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
              const Tensor& bias, const Tensor& y) {
  if (!y.device().is_cuda()) {
    if (is_by_strassen(a, b, transpose_a, y))
      return cpu::strassen_matmul(a, b, transpose_a, transpose_b, bias, y);
    if (onednn::matmul(a, b, transpose_a, transpose_b, bias, y)) return;
  }
  OSTEON_DISPATCH(y, matmul(a, b, transpose_a, transpose_b, bias, y));
}

// x as a batch of as many matrices as the leading extents have. A single matrix is not repeated.
Tensor repeated(const Tensor& x, const Shape& leading) {
  const std::int64_t count = matrices_in(x.shape());
  if (count == 1 || count == leading.numel()) return as_batch(x);
  const Tensor all(with_matrices(leading, x.dim(-2), x.dim(-1)), x.dtype(), x.device());
  OSTEON_DISPATCH(x, expand(x, 1.0, all));
  return as_batch(all);
}

// Whether all matrices of a are multiplied with one matrix b, so that their rows can be taken as
// one matrix.
bool is_by_rows(const Shape& b, bool transpose_a) { return matrices_in(b) == 1 && !transpose_a; }

// The product with the leading extents of the result.
Tensor product(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
               const Shape& leading) {
  const Tensor y(with_matrices(leading, a.dim(transpose_a ? -1 : -2), b.dim(transpose_b ? -2 : -1)),
                 a.dtype(), a.device());
  if (is_by_rows(b.shape(), transpose_a))
    multiply(as_rows(a), as_batch(b), false, transpose_b, Tensor(), as_rows(y));
  else
    multiply(repeated(a, leading), repeated(b, leading), transpose_a, transpose_b, Tensor(),
             as_batch(y));
  return y;
}

// The gradient of a matrix b that all rows of a were multiplied with: a^T dy, or its transpose.
Tensor gradient_by_rows(const Tensor& a, const Tensor& dy, bool transpose_b, const Shape& b) {
  const Tensor db(b, dy.dtype(), dy.device());
  const Tensor left = as_rows(transpose_b ? dy : a), right = as_rows(transpose_b ? a : dy);
  multiply(left, right, true, false, Tensor(), as_batch(db));
  return db;
}

Tensors gradients_of_matmul(const Backward& back) {
  const auto [ta, tb] = back.attrs<schema::MatmulAttrs>();
  const Tensor &a = back.saved(0), &b = back.saved(1), &dy = back.dy();
  const Shape batch = leading(dy.shape());
  Tensor da, db;
  if (back.needs(0))
    da =
        sum_to(ta ? product(b, dy, tb, true, batch) : product(dy, b, false, !tb, batch), a.shape());
  if (back.needs(1))
    db = is_by_rows(b.shape(), ta)
             ? gradient_by_rows(a, dy, tb, b.shape())
             : sum_to(tb ? product(dy, a, true, ta, batch) : product(a, dy, !ta, false, batch),
                      b.shape());
  return {da, db};
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
  multiply(as_rows(x), as_batch(weight), false, true, bias, as_rows(y));
  return record(schema::linear, y, {x, weight, bias}, {x, weight}, {}, [](const Backward& b) {
    const Tensor dy = as_rows(b.dy()), input = as_rows(b.saved(0)), &filters = b.saved(1);
    Tensor dx, dweight, dbias;
    // [exercise 2b]
    if (b.needs(schema::linear.x)) {
      dx = empty_like(b.saved(0));
      multiply(dy, as_batch(filters), false, false, Tensor(), as_rows(dx));
    }
    if (b.needs(schema::linear.weight)) {
      dweight = b.gradient_memory(schema::linear.weight);
      multiply(dy, input, true, false, Tensor(), as_batch(dweight));
    }
    if (b.needs(schema::linear.bias)) dbias = sum(dy, {0, 1});
    // [exercise end]
    return Tensors{dx, dweight, dbias};
  });
}

// With y = a b: da = dy b^T, db = a^T dy. If a factor was transposed, its gradient is also
// transposed: (dy b^T)^T = b dy^T.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  check_floating("matmul", "a", a);
  check_same_dtype("matmul", "a", a, "b", b);
  check_same_device("matmul", "a", a, "b", b);
  OSTEON_CHECK(a.rank() >= 2 && b.rank() >= 2, "matmul: a ", a.shape(), " and b ", b.shape(),
               " must be matrices or batches of matrices; make a matrix of a vector by unsqueeze");
  const std::int64_t inner_a = a.dim(transpose_a ? -2 : -1);
  const std::int64_t inner_b = b.dim(transpose_b ? -1 : -2);
  OSTEON_CHECK(inner_a == inner_b, "matmul: a ", a.shape(), transpose_a ? " transposed" : "",
               " has ", inner_a, " columns but b ", b.shape(), transpose_b ? " transposed" : "",
               " has ", inner_b, " rows");
  const Shape batch =
      broadcast_shape("matmul: leading dimensions", leading(a.shape()), leading(b.shape()));
  return record(schema::matmul, product(a, b, transpose_a, transpose_b, batch), {a, b}, {a, b},
                {transpose_a, transpose_b}, gradients_of_matmul);
}

}  // namespace osteon
