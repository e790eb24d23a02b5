// Padding of images. Constant padding has a gradient rule of its own, so that an observer sees one
// op; the other modes are index_select along each direction.
#include <algorithm>

#include "ops/along_dim.h"
#include "ops/checks.h"
#include "ops/constants.h"
#include "ops/schema.h"

namespace osteon {
namespace {

constexpr std::int64_t kHeight = 1, kWidth = 2;  // dimensions

// x inside of a tensor of `value`, from position `before` of dimension dim.
Tensor surrounded(const Tensor& x, std::int64_t dim, std::int64_t before, std::int64_t after,
                  double value) {
  if (before == 0 && after == 0) return x;
  const Tensor y =
      full(with_extent(x.shape(), dim, before + x.dim(dim) + after), value, x.dtype(), x.device());
  OSTEON_DISPATCH(x, copy_into_slice(x, dim, before, y));
  return y;
}

Tensor part(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length) {
  if (length == x.dim(dim)) return x;
  const Tensor y(with_extent(x.shape(), dim, length), x.dtype(), x.device());
  OSTEON_DISPATCH(x, copy_from_slice(x, dim, start, y));
  return y;
}

// dx is the part of dy without the padding.
Tensor pad_constant(const Tensor& x, const Padding& padding, double value) {
  Tensor y = surrounded(x, kWidth, padding.left, padding.right, value);
  y = surrounded(y, kHeight, padding.top, padding.bottom, value);
  if (y.is_same(x)) return x;
  return record(schema::pad, y, {x}, {}, {padding, value}, [](const Backward& b) -> Tensors {
    const auto& [sides, unused] = b.attrs<schema::PadAttrs>();
    const Shape& shape = b.input_shape(0);
    return {
        part(part(b.dy(), kHeight, sides.top, shape[kHeight]), kWidth, sides.left, shape[kWidth])};
  });
}

// The position of x that a padded position shows. Position -1 is the first one before x.
std::int64_t shown(PadMode mode, std::int64_t position, std::int64_t extent) {
  if (mode == PadMode::replicate) return std::clamp<std::int64_t>(position, 0, extent - 1);
  const std::int64_t from_start = std::abs(position);
  return from_start < extent ? from_start : 2 * (extent - 1) - from_start;
}

Tensor pad_by_position(const Tensor& x, PadMode mode, std::int64_t dim, std::int64_t before,
                       std::int64_t after) {
  const std::int64_t extent = x.dim(dim);
  if (before == 0 && after == 0) return x;
  OSTEON_CHECK(extent >= 1, "pad: images ", x.shape(), " have no border pixel to repeat");
  OSTEON_CHECK(mode == PadMode::replicate || std::max(before, after) < extent, "pad: padding ",
               before, " and ", after, " of dimension ", dim, " of images ", x.shape(),
               ", reflect expects less than the extent; use less, or replicate");
  return select(x, dim, before + extent + after,
                [=](std::int64_t i) { return shown(mode, i - before, extent); });
}

}  // namespace

Tensor pad(const Tensor& x, const Padding& padding, PadMode mode, double value) {
  check_rank("pad", "images", x, 4, "[N,H,W,C]");
  const auto& [top, bottom, left, right] = padding;
  OSTEON_CHECK(std::min({top, bottom, left, right}) >= 0, "pad: padding ", top, " at the top, ",
               bottom, " at the bottom, ", left, " on the left, ", right,
               " on the right, expects none below 0; use narrow to cut");
  if (mode == PadMode::constant) return pad_constant(x, padding, value);
  return pad_by_position(pad_by_position(x, mode, kWidth, left, right), mode, kHeight, top, bottom);
}

}  // namespace osteon
