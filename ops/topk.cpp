// The largest elements and their positions: checks and the gradient rule of topk; argmax and
// argmin.
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

// The positions of the largest elements along `dim`, of -x if `negate`. Without history.
Tensor arg_largest(const char* op, const Tensor& x, std::int64_t dim, bool keepdim, bool negate) {
  check_floating(op, "input", x);
  const std::int64_t d = check_dim(op, "input", x, dim);
  OSTEON_CHECK(x.dim(d) >= 1, op, ": dimension ", dim, " of input ", x.shape(),
               " is empty, expects at least one element");
  const NoGrad no_grad;
  std::vector<std::int64_t> order, extents = x.shape().extents();
  for (std::int64_t i = 0; i < x.rank(); ++i)
    if (i != d) order.push_back(i);
  order.push_back(d);
  const Tensor last = d + 1 == x.rank() ? x : permute(x, order);
  const auto at = extents.begin() + d;
  if (keepdim)
    *at = 1;
  else
    extents.erase(at);
  return topk(negate ? -last : last, 1).indices.view(Shape(std::move(extents)));
}

}  // namespace

// dx[indices[j]] = dy[j], else 0.
TopK topk(const Tensor& x, std::int64_t k) {
  constexpr const char* op = schema::topk.name;
  check_floating(op, "input", x);
  OSTEON_CHECK(x.rank() >= 1, op, ": input ", x.shape(), " is a scalar, expects [..., N]");
  OSTEON_CHECK(k >= 0 && k <= x.dim(-1), op, ": k is ", k, " for input ", x.shape(),
               ", expects a number in [0, ", x.dim(-1), "]");
  std::vector<std::int64_t> extents = x.shape().extents();
  extents.back() = k;
  const Shape shape(std::move(extents));
  const Tensor values(shape, x.dtype(), x.device()), indices(shape, DType::i64, x.device());
  OSTEON_DISPATCH(x, topk(x, values, indices));
  return {record(schema::topk, values, {x}, {indices}, {k},
                 [](const Backward& b) {
                   const Tensor dx = zeros(b.input_shape(0), b.dy().dtype(), b.dy().device());
                   OSTEON_DISPATCH(dx, topk_backward(b.dy(), b.saved(0), dx));
                   return Tensors{dx};
                 }),
          indices};
}

Tensor argmax(const Tensor& x, std::int64_t dim, bool keepdim) {
  return arg_largest("argmax", x, dim, keepdim, false);
}

Tensor argmin(const Tensor& x, std::int64_t dim, bool keepdim) {
  return arg_largest("argmin", x, dim, keepdim, true);
}

}  // namespace osteon
