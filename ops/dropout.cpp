// dropout: checks and gradient rule; drop_path.
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {

// dx = dy with the same mask and scale; the mask is recomputed from the key.
Tensor dropout(const Tensor& x, double p, const Tensor& key) {
  check_floating("dropout", "input", x);
  OSTEON_CHECK(x.rank() >= 1, "dropout: input ", x.shape(), " is a scalar, expects [N, ...]");
  OSTEON_CHECK(p >= 0 && p < 1, "dropout: p ", p, ", expects a probability in [0, 1)");
  check_dtype("dropout", "key", key, DType::i64);
  check_shape("dropout", "key", key, {4});
  check_same_device("dropout", "input", x, "key", key);
  const Tensor y = empty_like(x);
  OSTEON_DISPATCH(x, dropout(x, p, key, y));
  return record(schema::dropout, y, {x, key}, {key}, {p}, [](const Backward& b) -> Tensors {
    const Tensor dx = empty_like(b.dy());
    OSTEON_DISPATCH(dx, dropout(b.dy(), b.attrs<schema::DropoutAttrs>().p, b.saved(0), dx));
    return {dx, {}};
  });
}

Tensor drop_path(const Tensor& x, double p, const Tensor& key) {
  check_floating("drop_path", "input", x);
  OSTEON_CHECK(x.rank() >= 1, "drop_path: input ", x.shape(), " is a scalar, expects [N, ...]");
  std::vector<std::int64_t> samples(static_cast<std::size_t>(x.rank()), 1);
  samples[0] = x.dim(0);
  return x * dropout(full(Shape(std::move(samples)), 1, x.dtype(), x.device()), p, key);
}

}  // namespace osteon
