// gather, scatter_add and one_hot: checks and gradient rules. The gradient of each of the first two
// is the other.
#include "ops/along_dim.h"
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

std::int64_t check_indices(const char* op, const Tensor& x, std::int64_t dim,
                           const Tensor& indices) {
  dim = check_dim(op, "input", x, dim);
  check_dtype(op, "indices", indices, DType::i64);
  check_same_device(op, "input", x, "indices", indices);
  OSTEON_CHECK(indices.rank() == x.rank(), op, ": indices ", indices.shape(), " and input ",
               x.shape(), " differ in rank, expects equal ranks");
  return dim;
}

}  // namespace

// dx is, at each chosen element, the sum of dy over the indices that chose it.
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& indices) {
  dim = check_indices("gather", x, dim, indices);
  for (std::int64_t d = 0; d < x.rank(); ++d) {
    if (d == dim || indices.dim(d) == x.dim(d)) continue;
    OSTEON_CHECK(indices.dim(d) < x.dim(d), "gather: indices ", indices.shape(), " exceed input ",
                 x.shape(), " in dimension ", d, ", expects at most ", x.dim(d));
    return gather(narrow(x, d, 0, indices.dim(d)), dim, indices);
  }
  const Tensor y(indices.shape(), x.dtype(), x.device());
  OSTEON_DISPATCH(x, gather(x, dim, indices, y));
  return record(schema::gather, y, {x, indices}, {indices}, {dim}, [](const Backward& b) {
    const Tensor dx = b.gradient_memory(schema::gather.x);
    OSTEON_DISPATCH(dx,
                    scatter_add(Tensor(), b.attrs<schema::DimAttrs>().dim, b.saved(0), b.dy(), dx));
    return Tensors{dx, Tensor()};
  });
}

// dx is dy; the gradient of src is dy at the indices.
Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& indices, const Tensor& src) {
  check_floating("scatter_add", "input", x);
  dim = check_indices("scatter_add", x, dim, indices);
  check_shape("scatter_add", "src", src, indices.shape());
  check_same_dtype("scatter_add", "input", x, "src", src);
  check_same_device("scatter_add", "input", x, "src", src);
  OSTEON_CHECK(with_extent(indices.shape(), dim, x.dim(dim)) == x.shape(), "scatter_add: indices ",
               indices.shape(), " and input ", x.shape(), " differ outside dimension ", dim,
               ", expects equal extents there");
  const Tensor y = empty_like(x);
  OSTEON_DISPATCH(x, scatter_add(x, dim, indices, src, y));
  return record(schema::scatter_add, y, {x, indices, src}, {indices}, {dim}, [](const Backward& b) {
    Tensor dx, dsrc;
    if (b.needs(schema::scatter_add.x)) dx = b.dy();
    if (b.needs(schema::scatter_add.src)) {
      dsrc = Tensor(b.saved(0).shape(), b.dy().dtype(), b.dy().device());
      OSTEON_DISPATCH(dsrc, gather(b.dy(), b.attrs<schema::DimAttrs>().dim, b.saved(0), dsrc));
    }
    return Tensors{dx, Tensor(), dsrc};
  });
}

Tensor one_hot(const Tensor& indices, std::int64_t num_classes) {
  check_dtype("one_hot", "indices", indices, DType::i64);
  OSTEON_CHECK(num_classes >= 1, "one_hot: num_classes ", num_classes, ", expects at least 1");
  const Tensor places = unsqueeze(indices, -1);
  const auto all = [&](std::int64_t extent, double value) {
    return full(with_extent(places.shape(), places.rank() - 1, extent), value, DType::f32,
                indices.device());
  };
  return scatter_add(all(num_classes, 0), -1, places, all(1, 1));
}

}  // namespace osteon
