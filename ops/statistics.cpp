// Statistics that are composed of other ops; their gradients follow.
#include <algorithm>
#include <limits>

#include "ops/checks.h"
#include "ops/precision.h"

namespace osteon {
namespace {

Tensor number_like(const Tensor& x, double value) { return full({}, value, x.dtype(), x.device()); }

void check_not_empty(const char* op, const Tensor& x) {
  OSTEON_CHECK(x.numel() > 0, op, ": input ", x.shape(), " is empty, expects at least one element");
}

// The variance of a tensor that is not bf16.
Tensor variance(const char* op, const Tensor& x, const std::vector<std::int64_t>& dims,
                std::int64_t correction, bool keepdim) {
  check_not_empty(op, x);
  const Tensor centred = x - mean(x, dims, true);
  const Tensor total = sum(square(centred), dims, keepdim);
  const std::int64_t count = x.numel() / std::max<std::int64_t>(total.numel(), 1);
  OSTEON_CHECK(count > correction, op, ": ", count, " elements of input ", x.shape(),
               " with correction ", correction,
               " have no variance, expects more elements than the "
               "correction");
  return total / static_cast<double>(count - correction);
}

// 1 for each element whose comparison with 0 holds, as f32.
Tensor counted(const char* op, const Tensor& x, Tensor (*compare)(const Tensor&, double)) {
  check_dtype(op, "input", x, DType::u8);
  return cast(compare(cast(x, DType::f32), 0.0), DType::f32);
}

}  // namespace

Tensor var(const Tensor& x, const std::vector<std::int64_t>& dims, std::int64_t correction,
           bool keepdim) {
  check_floating("var", "input", x);
  return narrowed(variance("var", widened(x), dims, correction, keepdim), x.dtype());
}

// Where the variance is 0, its root is replaced by it, whose gradient is 0 instead of NaN.
Tensor std(const Tensor& x, const std::vector<std::int64_t>& dims, std::int64_t correction,
           bool keepdim) {
  check_floating("std", "input", x);
  const Tensor v = variance("std", widened(x), dims, correction, keepdim);
  const Tensor positive = gt(v, 0.0);
  return narrowed(where(positive, sqrt(where(positive, v, number_like(v, 1))), v), x.dtype());
}

Tensor logsumexp(const Tensor& x, const std::vector<std::int64_t>& dims, bool keepdim) {
  check_floating("logsumexp", "input", x);
  check_not_empty("logsumexp", x);
  const Tensor wide = widened(x);
  const Tensor largest = amax(wide.detach(), dims, true);
  // An infinite maximum would give infinity - infinity.
  const Tensor is_finite = lt(abs(largest), std::numeric_limits<double>::infinity());
  const Tensor shift = where(is_finite, largest, number_like(largest, 0));
  const Tensor total = sum(exp(wide - shift), dims, keepdim);
  return narrowed(log(total) + shift.view(total.shape()), x.dtype());
}

Tensor any(const Tensor& x, const std::vector<std::int64_t>& dims, bool keepdim) {
  return gt(sum(counted("any", x, ne), dims, keepdim), 0.0);
}

Tensor all(const Tensor& x, const std::vector<std::int64_t>& dims, bool keepdim) {
  return eq(sum(counted("all", x, eq), dims, keepdim), 0.0);
}

}  // namespace osteon
