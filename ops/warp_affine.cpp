// warp_affine: checks. There is no gradient rule, because pixels have no gradient.
#include <algorithm>
#include <cmath>

#include "ops/checks.h"
#include "ops/kernels.h"
#include "ops/schema.h"

namespace osteon {
namespace {

constexpr const char* kOp = schema::warp_affine.name;
// With this limit, coordinates need far fewer than the 24 bits of a float's mantissa, and offsets
// into an RGB image fit into 32 bits.
constexpr std::int64_t kMaxExtent = 16384;

bool is_extent(std::int64_t extent) { return extent >= 1 && extent <= kMaxExtent; }

void check_options(const WarpOptions& options) {
  OSTEON_CHECK(is_extent(options.height) && is_extent(options.width), kOp, ": output of ",
               options.height, " x ", options.width, " pixels, expects 1 to ", kMaxExtent,
               " in each direction");
  OSTEON_CHECK(!options.mean.empty() && options.mean.size() == options.std.size(), kOp, ": ",
               options.mean.size(), " means and ", options.std.size(),
               " standard deviations, expects one of each per output channel");
  for (std::size_t c = 0; c < options.mean.size(); ++c)
    OSTEON_CHECK(
        std::isfinite(options.mean[c]) && std::isfinite(options.std[c]) && options.std[c] > 0, kOp,
        ": channel ", c, " has mean ", options.mean[c], " and std ", options.std[c],
        ", expects finite numbers and std above 0");
  OSTEON_CHECK(is_floating(options.dtype), kOp, ": output dtype ", options.dtype,
               ", expects a floating-point one (f64, f32, bf16)");
}

}  // namespace

Tensor warp_affine(const Tensor& images, const Tensor& matrices, const WarpOptions& options) {
  check_options(options);
  check_dtype(kOp, "images", images, DType::u8);
  check_rank(kOp, "images", images, 4, "[N,H,W,1] or [N,H,W,C]");
  OSTEON_CHECK(is_extent(images.dim(1)) && is_extent(images.dim(2)), kOp, ": images ",
               images.shape(), ", expects height and width of 1 to ", kMaxExtent);
  const auto channels = static_cast<std::int64_t>(options.mean.size());
  OSTEON_CHECK(images.dim(3) == 1 || images.dim(3) == channels, kOp, ": images ", images.shape(),
               " have ", images.dim(3), " channels, expects 1 or the ", channels,
               " of the mean and std");
  check_floating(kOp, "matrices", matrices);
  OSTEON_CHECK(matrices.dtype() != DType::bf16, kOp,
               ": matrices are bf16, too coarse for pixel coordinates, expects f32 or f64");
  check_shape(kOp, "matrices", matrices, {images.dim(0), 2, 3});
  check_same_device(kOp, "images", images, "matrices", matrices);
  OSTEON_CHECK(!matrices.requires_grad(), kOp,
               ": matrices require a gradient, but the warp is not differentiable; detach them");
  const Tensor y({images.dim(0), options.height, options.width, channels}, options.dtype,
                 images.device());
  OSTEON_DISPATCH(images, warp_affine(images, matrices, options, y));
  return record(schema::warp_affine, y, {images, matrices}, {}, options, nullptr);
}

}  // namespace osteon
