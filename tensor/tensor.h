// What a tensor is: a handle on dense, row-major memory with a shape, a dtype and a device, and,
// for autograd, the memory of how it came about. Copying a Tensor copies the handle, not the
// elements.
//
// Images are [N, H, W, C], filters [K, R, S, C]: kernels (K), rows, columns, channels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <vector>

#include "base/error.h"
#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"
#include "tensor/storage.h"

namespace osteon {

class Tensor;
class Node;
using Tensors = std::vector<Tensor>;

class Tensor {
 public:
  // An undefined tensor: the absent bias, the gradient that was not computed.
  Tensor() = default;
  // Uninitialised elements.
  Tensor(Shape shape, DType dtype, Device device = Device::cpu());
  // A look at existing memory: elements [offset, offset + shape.numel()) of the storage.
  Tensor(std::shared_ptr<Storage> storage, std::int64_t offset, Shape shape, DType dtype);

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const { return impl().shape; }
  std::int64_t dim(std::int64_t i) const { return shape()[i]; }
  std::int64_t rank() const { return shape().rank(); }
  std::int64_t numel() const { return shape().numel(); }
  DType dtype() const { return impl().dtype; }
  const Device& device() const { return impl().storage->device(); }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype()); }

  // The first element. data<T>() throws unless T is this tensor's type.
  std::byte* raw() const;
  template <class T>
  T* data() const {
    OSTEON_CHECK(dtype_of<T>() == dtype(), "tensor: data<", dtype_of<T>(), ">() of a ", dtype(),
                 " tensor");
    return reinterpret_cast<T*>(raw());
  }
  // The same, or null for an undefined tensor.
  template <class T>
  T* data_or_null() const {
    return defined() ? data<T>() : nullptr;
  }
  bool is_aligned(std::size_t bytes) const {
    return reinterpret_cast<std::uintptr_t>(raw()) % bytes == 0;
  }
  // The one element of a one-element tensor as a double, whatever its dtype. As to_vector, waits
  // for a CUDA device to have computed it.
  double item() const;
  // All elements as doubles, row-major.
  std::vector<double> to_vector() const;

  // The same memory under another shape of as many elements; not recorded (ops.h has `reshape`).
  Tensor view(Shape shape) const;
  // Rows [begin, end) of the leading dimension, same memory; not recorded.
  Tensor rows(std::int64_t begin, std::int64_t end) const;
  // The same memory without its history.
  Tensor detach() const;
  // A copy of the elements without history.
  Tensor clone() const;
  // A copy on another device, without history; the tensor itself where it is there already.
  Tensor to(const Device& target) const;

  // --- autograd -------------------------------------------------------------------------------
  // A leaf that requires a gradient collects one in grad() when backward() reaches it.
  Tensor& set_requires_grad(bool requires_grad);
  // True for such a leaf and for whatever was computed from one.
  bool requires_grad() const { return impl().requires_grad || impl().grad_fn != nullptr; }
  bool is_leaf() const { return impl().grad_fn == nullptr; }
  // The gradient collected since the last zero_grad(); undefined if there is none. What is returned
  // does not change when more is collected, unless the gradient has a bound place.
  Tensor grad() const { return impl().has_grad ? *impl().grad : Tensor(); }
  // Forgets the gradient; a bound buffer stays bound.
  void zero_grad() const;
  // Adds to the gradient of a leaf; backward() calls it. May keep `gradient`'s memory. Throws
  // unless shape and dtype are the leaf's.
  void accumulate_grad(Tensor gradient) const;
  // For speed: makes `buffer` (same shape and dtype) the fixed place of this leaf's gradient, so
  // that an optimizer finds all gradients side by side.
  void bind_grad(const Tensor& buffer) const;
  // The bound place, if there is one and no gradient is in it yet; else undefined.
  Tensor empty_bound_grad() const {
    return impl().grad_is_bound && !impl().has_grad ? impl().grad->detach() : Tensor();
  }

  std::uint64_t version() const { return impl().storage->version(); }
  // To be called by whoever changes the elements in place.
  void bump_version() const { impl().storage->bump_version(); }
  // True when no other handle and no other tensor sees this memory.
  bool owns_memory_alone() const {
    return impl_.use_count() == 1 && impl().storage.use_count() == 1;
  }
  // Two handles of one tensor, with one history.
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  // Equal for two handles of one tensor.
  const void* identity() const { return impl_.get(); }
  const std::shared_ptr<Storage>& storage() const { return impl().storage; }
  // Same storage, whatever the offset.
  bool shares_memory(const Tensor& other) const { return impl().storage == other.impl().storage; }

  const std::shared_ptr<Node>& grad_fn() const { return impl().grad_fn; }
  std::size_t output_index() const { return impl().output_index; }
  void set_history(std::shared_ptr<Node> node, std::size_t output_index) const;

 private:
  struct Impl {
    std::shared_ptr<Storage> storage;
    std::int64_t offset = 0;  // in elements
    Shape shape;
    DType dtype = DType::f32;
    bool requires_grad = false;
    bool has_grad = false;
    bool grad_is_bound = false;
    std::unique_ptr<Tensor> grad;
    std::shared_ptr<Node> grad_fn;
    std::size_t output_index = 0;
  };

  Impl& impl() const {
    OSTEON_CHECK(impl_ != nullptr, "tensor: use of an undefined tensor");
    return *impl_;
  }

  std::shared_ptr<Impl> impl_;
};

// The elements in nested brackets, four significant digits each, then dtype, shape and device:
// `[[1, 2], [3, 4]] f32 [2,2] cpu`, each row on a line. Of more than 1,000 elements only the first
// and last three of an extent are printed. Waits for a CUDA device to have computed them.
std::ostream& operator<<(std::ostream& out, const Tensor& x);

// --- making tensors -----------------------------------------------------------------------------

Tensor empty_like(const Tensor& x);
Tensor full(Shape shape, double value, DType dtype = DType::f32, Device device = Device::cpu());
Tensor zeros(Shape shape, DType dtype = DType::f32, Device device = Device::cpu());
Tensor zeros_like(const Tensor& x);
// A CPU tensor with these elements, converted to `dtype` as by copy_; throws when their number is
// not the shape's.
Tensor from_vector(const std::vector<double>& elements, Shape shape, DType dtype = DType::f32);

// --- changing tensors in place (bumps the version) ----------------------------------------------

void fill_(const Tensor& x, double value);
// x <- source, converting the dtype; shapes must match. Floating-point values are rounded to
// nearest; integers are truncated toward zero, the out-of-range ones to the smallest or largest,
// NaN to 0.
void copy_(const Tensor& x, const Tensor& source);
// x <- x + y; shapes and dtypes must match.
void add_(const Tensor& x, const Tensor& y);

}  // namespace osteon
