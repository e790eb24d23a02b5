// Ops that copy elements unchanged: checks and gradient rules.
#include <algorithm>
#include <numeric>
#include <optional>

#include "ops/along_dim.h"
#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

struct Printed {
  const std::vector<std::int64_t>& numbers;
  friend std::ostream& operator<<(std::ostream& out, const Printed& list) {
    for (std::size_t i = 0; i < list.numbers.size(); ++i)
      out << (i == 0 ? '[' : ',') << list.numbers[i];
    return out << (list.numbers.empty() ? "[]" : "]");
  }
};

// The shape given by `extents` for x, with the -1 computed.
Shape resolve(const Tensor& x, const std::vector<std::int64_t>& extents) {
  std::vector<std::int64_t> resolved = extents;
  std::optional<std::size_t> open;
  for (std::size_t d = 0; d < resolved.size(); ++d) {
    OSTEON_CHECK(resolved[d] >= -1, "reshape: extents ", Printed{extents},
                 ", expects none below -1");
    if (resolved[d] != -1) continue;
    OSTEON_CHECK(!open, "reshape: extents ", Printed{extents},
                 " contain more than one -1, expects at most one");
    open = d;
    resolved[d] = 1;
  }
  const std::int64_t known = Shape(resolved).numel();
  const bool fits = open ? known != 0 && x.numel() % known == 0 : known == x.numel();
  OSTEON_CHECK(fits, "reshape: input ", x.shape(), " has ", x.numel(), " elements, extents ",
               Printed{extents}, " expect ", open ? "a multiple of " : "", known);
  if (open) resolved[*open] = x.numel() / known;
  return Shape(std::move(resolved));
}

std::vector<std::int64_t> inverse(const std::vector<std::int64_t>& order) {
  std::vector<std::int64_t> result(order.size());
  for (std::size_t d = 0; d < order.size(); ++d)
    result[static_cast<std::size_t>(order[d])] = static_cast<std::int64_t>(d);
  return result;
}

}  // namespace

// dx is dy with the shape of x.
Tensor reshape(const Tensor& x, const std::vector<std::int64_t>& extents) {
  check_defined("reshape", "input", x);
  return record(schema::reshape, x.view(resolve(x, extents)), {x}, {}, {},
                [](const Backward& b) -> Tensors { return {b.dy().view(b.input_shape(0))}; });
}

// dx is dy with the inverse order.
Tensor permute(const Tensor& x, const std::vector<std::int64_t>& order) {
  check_defined("permute", "input", x);
  std::vector<std::int64_t> sorted = order, extents;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::int64_t> dims(static_cast<std::size_t>(x.rank()));
  std::iota(dims.begin(), dims.end(), 0);
  OSTEON_CHECK(sorted == dims, "permute: order ", Printed{order}, " for input ", x.shape(),
               ", expects each of 0 to ", x.rank() - 1, " once");
  for (const std::int64_t d : order) extents.push_back(x.dim(d));
  const Tensor y(Shape(std::move(extents)), x.dtype(), x.device());
  OSTEON_DISPATCH(x, permute(x, order, y));
  return record(schema::permute, y, {x}, {}, {order}, [](const Backward& b) -> Tensors {
    const Tensor dx(b.input_shape(0), b.dy().dtype(), b.dy().device());
    OSTEON_DISPATCH(dx, permute(b.dy(), inverse(b.attrs<schema::PermuteAttrs>().order), dx));
    return {dx};
  });
}

// The gradient of each tensor is its slice of dy.
Tensor concat(const Tensors& tensors, std::int64_t dim) {
  OSTEON_CHECK(!tensors.empty(), "concat: no tensors, expects at least one");
  const Tensor& first = tensors[0];
  dim = check_dim("concat", "tensor 0", first, dim);
  std::vector<std::int64_t> extents;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& x = tensors[i];
    const std::string name = format("tensor ", i);
    check_same_dtype("concat", "tensor 0", first, name.c_str(), x);
    check_same_device("concat", "tensor 0", first, name.c_str(), x);
    OSTEON_CHECK(
        x.rank() == first.rank() && with_extent(x.shape(), dim, first.dim(dim)) == first.shape(),
        "concat: ", name, " ", x.shape(), " and tensor 0 ", first.shape(),
        " differ outside dimension ", dim, ", expects equal extents there");
    extents.push_back(x.dim(dim));
  }
  const std::int64_t extent = std::accumulate(extents.begin(), extents.end(), std::int64_t{0});
  const Tensor y(with_extent(first.shape(), dim, extent), first.dtype(), first.device());
  std::int64_t start = 0;
  for (const Tensor& x : tensors) {
    OSTEON_DISPATCH(x, copy_into_slice(x, dim, start, y));
    start += x.dim(dim);
  }
  return record(schema::concat, y, tensors, {}, {dim, extents}, [](const Backward& b) {
    const auto& [along, lengths] = b.attrs<schema::ConcatAttrs>();
    Tensors gradients(lengths.size());
    std::int64_t at = 0;
    for (std::size_t i = 0; i < lengths.size(); at += lengths[i++]) {
      if (!b.needs(i)) continue;
      gradients[i] = Tensor(b.input_shape(i), b.dy().dtype(), b.dy().device());
      OSTEON_DISPATCH(b.dy(), copy_from_slice(b.dy(), along, at, gradients[i]));
    }
    return gradients;
  });
}

// dx is dy in its slice and 0 elsewhere.
Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length) {
  dim = check_dim("narrow", "input", x, dim);
  OSTEON_CHECK(start >= 0 && length >= 0 && start <= x.dim(dim) && length <= x.dim(dim) - start,
               "narrow: start ", start, " and length ", length, " for dimension ", dim,
               " of input ", x.shape(), ", expects a slice inside it");
  const Tensor y(with_extent(x.shape(), dim, length), x.dtype(), x.device());
  OSTEON_DISPATCH(x, copy_from_slice(x, dim, start, y));
  return record(schema::narrow, y, {x}, {}, {dim, start}, [](const Backward& b) -> Tensors {
    const auto& [along, from] = b.attrs<schema::NarrowAttrs>();
    const Tensor dx = zeros(b.input_shape(0), b.dy().dtype(), b.dy().device());
    OSTEON_DISPATCH(dx, copy_into_slice(b.dy(), along, from, dx));
    return {dx};
  });
}

}  // namespace osteon
