// The extents of a tensor, as a type that checks and prints itself. Tensors are dense and
// row-major, so the shape alone determines the position of each element.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <utility>
#include <vector>

#include "base/error.h"

namespace osteon {

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents) : Shape(std::vector<std::int64_t>(extents)) {}
  // Throws for a negative extent and for more than 2^60 elements (not counting extents of 0), so
  // that no product of extents and no number of bytes overflows.
  explicit Shape(std::vector<std::int64_t> extents) : extents_(std::move(extents)) {
    std::int64_t product = 1;
    for (const std::int64_t extent : extents_) {
      OSTEON_CHECK(extent >= 0, "shape: ", *this, " has a negative extent");
      OSTEON_CHECK(extent <= kMaxElements / product, "shape: ", *this,
                   " has more elements than any memory");
      if (extent > 0) product *= extent;
    }
  }

  std::int64_t rank() const { return static_cast<std::int64_t>(extents_.size()); }
  // Number of elements; 1 for a scalar (rank 0).
  std::int64_t numel() const {
    std::int64_t product = 1;
    for (const std::int64_t extent : extents_) product *= extent;
    return product;
  }
  // Extent of dimension i; a negative i counts from the end. Throws if out of range.
  std::int64_t operator[](std::int64_t i) const {
    return extents_[static_cast<std::size_t>(normalise(i))];
  }
  // Dimension i, with negative i counted from the end, in [0, rank).
  std::int64_t normalise(std::int64_t i) const {
    OSTEON_CHECK(i >= -rank() && i < rank(), "shape: ", *this, " has no dimension ", i);
    return i < 0 ? i + rank() : i;
  }
  const std::vector<std::int64_t>& extents() const { return extents_; }

  bool operator==(const Shape&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    out << '[';
    for (std::size_t i = 0; i < shape.extents_.size(); ++i)
      out << (i == 0 ? "" : ",") << shape.extents_[i];
    return out << ']';
  }

 private:
  static constexpr std::int64_t kMaxElements = std::int64_t{1} << 60;

  std::vector<std::int64_t> extents_;
};

}  // namespace osteon
