// index_select: checks.
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {

Tensor index_select(const Tensor& x, const Tensor& indices) {
  check_defined("index_select", "input", x);
  OSTEON_CHECK(x.rank() >= 1, "index_select: input ", x.shape(), " has no rows");
  check_dtype("index_select", "indices", indices, DType::i64);
  check_rank("index_select", "indices", indices, 1, "[N]");
  check_same_device("index_select", "input", x, "indices", indices);
  std::vector<std::int64_t> extents = x.shape().extents();
  extents[0] = indices.dim(0);
  const Tensor y(Shape(std::move(extents)), x.dtype(), x.device());
  OSTEON_DISPATCH(x, index_select(x, indices, y));
  return record(schema::index_select, y, {x, indices}, {}, {}, nullptr);
}

}  // namespace osteon
