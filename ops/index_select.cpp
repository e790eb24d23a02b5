// index_select: checks and gradient rule.
#include "ops/along_dim.h"
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {

// dx is, at each chosen position, the sum of dy over the indices that chose it.
Tensor index_select(const Tensor& x, const Tensor& indices, std::int64_t dim) {
  check_defined("index_select", "input", x);
  OSTEON_CHECK(x.rank() >= 1, "index_select: input ", x.shape(), " has no rows");
  dim = check_dim("index_select", "input", x, dim);
  check_dtype("index_select", "indices", indices, DType::i64);
  check_rank("index_select", "indices", indices, 1, "[N]");
  check_same_device("index_select", "input", x, "indices", indices);
  const Tensor y(with_extent(x.shape(), dim, indices.dim(0)), x.dtype(), x.device());
  OSTEON_DISPATCH(x, index_select(x, dim, indices, y));
  return record(schema::index_select, y, {x, indices}, {indices}, {dim}, [](const Backward& b) {
    const Tensor dx = b.gradient_memory(schema::index_select.x);
    OSTEON_DISPATCH(dx,
                    index_select_backward(b.dy(), b.attrs<schema::DimAttrs>().dim, b.saved(0), dx));
    return Tensors{dx, Tensor()};
  });
}

}  // namespace osteon
