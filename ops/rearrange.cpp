// Ops that rearrange elements, composed of those of shape.cpp and of index_select.
#include <algorithm>
#include <numeric>

#include "ops/checks.h"
#include "ops/constants.h"

namespace osteon {

Tensor flatten(const Tensor& x, std::int64_t start_dim, std::int64_t end_dim) {
  check_defined("flatten", "input", x);
  if (x.rank() == 0) return reshape(x, {1});
  const std::int64_t start = check_dim("flatten", "input", x, start_dim);
  const std::int64_t end = check_dim("flatten", "input", x, end_dim);
  OSTEON_CHECK(start <= end, "flatten: start_dim ", start_dim, " of input ", x.shape(),
               " comes after end_dim ", end_dim);
  std::vector<std::int64_t> extents = x.shape().extents();
  for (std::int64_t d = start; d < end; ++d) {
    extents[static_cast<std::size_t>(start)] *= extents[static_cast<std::size_t>(start + 1)];
    extents.erase(extents.begin() + start + 1);
  }
  return reshape(x, extents);
}

Tensor squeeze(const Tensor& x, std::int64_t dim) {
  dim = check_dim("squeeze", "input", x, dim);
  if (x.dim(dim) != 1) return x;
  std::vector<std::int64_t> extents = x.shape().extents();
  extents.erase(extents.begin() + dim);
  return reshape(x, extents);
}

Tensor unsqueeze(const Tensor& x, std::int64_t dim) {
  check_defined("unsqueeze", "input", x);
  OSTEON_CHECK(dim >= -x.rank() - 1 && dim <= x.rank(), "unsqueeze: dimension ", dim, " for input ",
               x.shape(), ", expects one in [", -x.rank() - 1, ", ", x.rank(), "]");
  std::vector<std::int64_t> extents = x.shape().extents();
  extents.insert(extents.begin() + (dim < 0 ? dim + x.rank() + 1 : dim), 1);
  return reshape(x, extents);
}

Tensor stack(const Tensors& tensors, std::int64_t dim) {
  OSTEON_CHECK(!tensors.empty(), "stack: no tensors, expects at least one");
  Tensors parts;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    check_same_shape("stack", "tensor 0", tensors[0], format("tensor ", i).c_str(), tensors[i]);
    parts.push_back(unsqueeze(tensors[i], dim));
  }
  return concat(parts, dim);
}

Tensors split(const Tensor& x, std::int64_t size, std::int64_t dim) {
  dim = check_dim("split", "input", x, dim);
  OSTEON_CHECK(size >= 1, "split: size ", size, " for input ", x.shape(), ", expects at least 1");
  std::vector<std::int64_t> sizes;
  for (std::int64_t at = 0; at < x.dim(dim); at += size)
    sizes.push_back(std::min(size, x.dim(dim) - at));
  return split(x, sizes, dim);
}

Tensors split(const Tensor& x, const std::vector<std::int64_t>& sizes, std::int64_t dim) {
  dim = check_dim("split", "input", x, dim);
  const std::int64_t total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  OSTEON_CHECK(total == x.dim(dim), "split: the sizes for dimension ", dim, " of input ", x.shape(),
               " have the sum ", total, ", expects ", x.dim(dim));
  Tensors pieces;
  std::int64_t at = 0;
  for (const std::int64_t size : sizes) {
    pieces.push_back(narrow(x, dim, at, size));
    at += size;
  }
  return pieces;
}

Tensor slice(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t end,
             std::int64_t step) {
  dim = check_dim("slice", "input", x, dim);
  OSTEON_CHECK(step >= 1, "slice: step ", step, ", expects at least 1; flip reverses");
  const std::int64_t extent = x.dim(dim);
  const auto inside = [&](std::int64_t position) {
    return std::clamp<std::int64_t>(position < 0 ? position + extent : position, 0, extent);
  };
  const std::int64_t first = inside(start), length = std::max<std::int64_t>(inside(end) - first, 0);
  if (step == 1) return narrow(x, dim, first, length);
  const std::int64_t count = length / step + (length % step == 0 ? 0 : 1);
  return select(x, dim, count, [=](std::int64_t i) { return first + i * step; });
}

Tensor flip(const Tensor& x, const std::vector<std::int64_t>& dims) {
  check_defined("flip", "input", x);
  std::vector<bool> seen(static_cast<std::size_t>(x.rank()));
  Tensor y = x;
  for (const std::int64_t each : dims) {
    const std::int64_t dim = check_dim("flip", "input", x, each), extent = x.dim(dim);
    OSTEON_CHECK(!seen[static_cast<std::size_t>(dim)], "flip: dimension ", each, " of ", x.shape(),
                 " is named twice");
    seen[static_cast<std::size_t>(dim)] = true;
    y = select(y, dim, extent, [=](std::int64_t i) { return extent - 1 - i; });
  }
  return y;
}

Tensor roll(const Tensor& x, const std::vector<std::int64_t>& shifts,
            const std::vector<std::int64_t>& dims) {
  check_defined("roll", "input", x);
  OSTEON_CHECK(shifts.size() == dims.size(), "roll: ", shifts.size(), " shifts for ", dims.size(),
               " dimensions of input ", x.shape(), ", expects one for each");
  Tensor y = x;
  for (std::size_t k = 0; k < dims.size(); ++k) {
    const std::int64_t dim = check_dim("roll", "input", x, dims[k]), extent = x.dim(dim);
    if (extent == 0 || shifts[k] % extent == 0) continue;
    const std::int64_t back = extent - shifts[k] % extent;
    y = select(y, dim, extent, [=](std::int64_t i) { return (i + back) % extent; });
  }
  return y;
}

}  // namespace osteon
