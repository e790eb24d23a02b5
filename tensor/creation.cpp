// Making tensors.
#include "tensor/creation.h"

#include <algorithm>
#include <cmath>

#include "tensor/convert.h"
#include "tensor/draws.h"

namespace osteon {
namespace {

// The largest number of a dtype below 1: with 53, 24 or 8 significant bits.
double largest_below_one(DType dtype) {
  return dtype == DType::f64 ? 1 - 0x1p-53 : dtype == DType::f32 ? 1 - 0x1p-24 : 1 - 0x1p-8;
}

}  // namespace

NestedNumbers::NestedNumbers(std::initializer_list<NestedNumbers> entries) {
  extents_.push_back(static_cast<std::int64_t>(entries.size()));
  if (entries.size() == 0) return;
  const std::vector<std::int64_t>& inner = entries.begin()->extents_;
  extents_.insert(extents_.end(), inner.begin(), inner.end());
  std::size_t i = 0;
  for (const NestedNumbers& entry : entries) {
    OSTEON_CHECK(entry.extents_ == inner, "tensor: entry ", i, " of a list has shape ",
                 Shape(entry.extents_), " but entry 0 has ", Shape(inner),
                 ", expects entries of one shape");
    elements_.insert(elements_.end(), entry.elements_.begin(), entry.elements_.end());
    ++i;
  }
}

Tensor tensor(const NestedNumbers& numbers, DType dtype) {
  return from_vector(numbers.elements(), Shape(numbers.extents()), dtype);
}

Tensor arange(double start, double end, double step, DType dtype, Device device) {
  const double count = std::ceil((end - start) / step);
  OSTEON_CHECK(std::isfinite(count) && count >= 0, "arange: from ", start, " to ", end,
               " in steps of ", step, ", expects finite numbers and steps toward the end");
  const Tensor x({static_cast<std::int64_t>(count)}, dtype);
  dispatch_any("arange", dtype, [&]<class T>() {
    for (std::int64_t i = 0; i < x.numel(); ++i)
      x.data<T>()[i] = convert<T>(start + static_cast<double>(i) * step);
  });
  return x.to(device);
}

Tensor eye(std::int64_t n, DType dtype, Device device) {
  OSTEON_CHECK(n >= 0, "eye: ", n, " rows, expects at least 0");
  const Tensor x = zeros({n, n}, dtype);
  dispatch_any("eye", dtype, [&]<class T>() {
    for (std::int64_t i = 0; i < n; ++i) x.data<T>()[i * n + i] = convert<T>(1.0);
  });
  return x.to(device);
}

Tensor rand(Shape shape, std::uint64_t seed, std::uint64_t stream, DType dtype, Device device) {
  const Tensor x(std::move(shape), dtype);
  const double limit = largest_below_one(dtype);
  fill_with_draws("rand", x, [=](std::uint64_t block, double* draws, std::int64_t count) {
    RandomStream random(seed, stream, block);
    for (std::int64_t i = 0; i < count; ++i) draws[i] = std::min(random.uniform(), limit);
  });
  return x.to(device);
}

Tensor randn(Shape shape, std::uint64_t seed, std::uint64_t stream, DType dtype, Device device) {
  const Tensor x(std::move(shape), dtype);
  fill_with_draws("randn", x, [=](std::uint64_t block, double* draws, std::int64_t count) {
    fill_normal(seed, stream, block, draws, count);
  });
  return x.to(device);
}

}  // namespace osteon
