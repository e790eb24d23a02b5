// softmax and log_softmax: checks and gradient rules.
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

void check(const char* op, const Tensor& x) {
  check_floating(op, "input", x);
  OSTEON_CHECK(x.rank() >= 1 && x.dim(-1) >= 1, op, ": input ", x.shape(),
               ", expects a last dimension of at least 1");
}

}  // namespace

// dx_i = y_i (dy_i - sum_j dy_j y_j)
Tensor softmax(const Tensor& x) {
  check("softmax", x);
  const Tensor y = empty_like(x);
  OSTEON_DISPATCH(x, softmax_forward(x, y));
  return record(schema::softmax, y, {x}, {y}, {}, [](const Backward& b) -> Tensors {
    const Tensor dx = empty_like(b.dy());
    OSTEON_DISPATCH(dx, softmax_backward(b.saved(0), b.dy(), dx));
    return {dx};
  });
}

// dx_i = dy_i - exp(y_i) sum_j dy_j
Tensor log_softmax(const Tensor& x) {
  check("log_softmax", x);
  const Tensor y = empty_like(x);
  OSTEON_DISPATCH(x, log_softmax_forward(x, y));
  return record(schema::log_softmax, y, {x}, {y}, {}, [](const Backward& b) -> Tensors {
    const Tensor dx = empty_like(b.dy());
    OSTEON_DISPATCH(dx, log_softmax_backward(b.saved(0), b.dy(), dx));
    return {dx};
  });
}

}  // namespace osteon
