// A tensor: a handle to dense, row-major memory with a shape, a dtype, a device and, for autograd,
// its history. Copying a Tensor copies the handle, not the elements.
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
  // An undefined tensor, for example an absent bias or a gradient that was not computed.
  Tensor() = default;
  // Uninitialised elements.
  Tensor(Shape shape, DType dtype, Device device = Device::cpu());
  // A view of existing memory: elements [offset, offset + shape.numel()) of the storage.
  Tensor(std::shared_ptr<Storage> storage, std::int64_t offset, Shape shape, DType dtype);

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const { return impl().shape; }
  std::int64_t dim(std::int64_t i) const { return shape()[i]; }
  std::int64_t rank() const { return shape().rank(); }
  std::int64_t numel() const { return shape().numel(); }
  DType dtype() const { return impl().dtype; }
  const Device& device() const { return impl().storage->device(); }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype()); }

  // The first element. data<T>() throws unless T is the tensor's element type.
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
  // The one element of a one-element tensor as a double, from any dtype. Like to_vector, waits for
  // a CUDA device to compute it.
  double item() const;
  // All elements as doubles, row-major.
  std::vector<double> to_vector() const;

  // The same memory with another shape of equal numel(); not recorded (ops.h has `reshape`).
  Tensor view(Shape shape) const;
  // Rows [begin, end) of the leading dimension, as a view; not recorded.
  Tensor rows(std::int64_t begin, std::int64_t end) const;
  // The same memory without its history.
  Tensor detach() const;
  // A copy of the elements without history.
  Tensor clone() const;
  // A copy on another device, without history; the tensor itself if it is already there.
  Tensor to(const Device& target) const;

  // --- autograd -------------------------------------------------------------------------------
  // A leaf that requires a gradient accumulates it in grad() during backward().
  Tensor& set_requires_grad(bool requires_grad);
  // True for such a leaf and for every tensor computed from one.
  bool requires_grad() const { return impl().requires_grad || impl().grad_fn != nullptr; }
  bool is_leaf() const { return impl().grad_fn == nullptr; }
  // The gradient accumulated since the last zero_grad(); undefined if there is none. The returned
  // tensor does not change when more is accumulated, unless the gradient has a bound buffer.
  Tensor grad() const { return impl().has_grad ? *impl().grad : Tensor(); }
  // Resets the gradient; a bound buffer stays bound.
  void zero_grad() const;
  // Adds to the gradient of a leaf; called by backward(). May keep `gradient`'s memory. Throws
  // unless shape and dtype equal the leaf's.
  void accumulate_grad(Tensor gradient) const;
  // For speed: makes `buffer` (same shape and dtype) the permanent memory of this leaf's gradient,
  // so that an optimizer finds all gradients in one block.
  void bind_grad(const Tensor& buffer) const;
  // The bound buffer, if there is one and it holds no gradient yet; else undefined.
  Tensor empty_bound_grad() const {
    return impl().grad_is_bound && !impl().has_grad ? impl().grad->detach() : Tensor();
  }

  std::uint64_t version() const { return impl().storage->version(); }
  // Call this after an in-place change of the elements.
  void bump_version() const { impl().storage->bump_version(); }
  // True if no other handle and no other tensor refers to this memory.
  bool owns_memory_alone() const {
    return impl_.use_count() == 1 && impl().storage.use_count() == 1;
  }
  // Whether two handles refer to one tensor with one history.
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  // Equal for two handles of the same tensor.
  const void* identity() const { return impl_.get(); }
  const std::shared_ptr<Storage>& storage() const { return impl().storage; }
  // Whether both have the same storage, at any offset.
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

// Prints the elements in nested brackets with four significant digits, then dtype, shape and
// device: `[[1, 2], [3, 4]] f32 [2,2] cpu`, one line per row. Above 1,000 elements only the first
// and last three entries of each extent are printed. Waits for a CUDA device to compute them.
std::ostream& operator<<(std::ostream& out, const Tensor& x);

// --- construction ---------------------------------------------------------------------------

Tensor empty_like(const Tensor& x);
Tensor full(Shape shape, double value, DType dtype = DType::f32, Device device = Device::cpu());
Tensor zeros(Shape shape, DType dtype = DType::f32, Device device = Device::cpu());
Tensor zeros_like(const Tensor& x);
// A CPU tensor of the given elements, converted to `dtype` like copy_. Throws unless their number
// equals shape.numel().
Tensor from_vector(const std::vector<double>& elements, Shape shape, DType dtype = DType::f32);

// --- in-place changes (these increase the version) --------------------------------------------

void fill_(const Tensor& x, double value);
// x <- source, converting the dtype; shapes must match. Floating-point values are rounded to
// nearest. Conversion to integers truncates toward zero and clamps to the range; NaN becomes 0.
void copy_(const Tensor& x, const Tensor& source);
// The same for each pair of two lists; on a CUDA device in one launch if all x have one
// floating-point dtype, and so have all sources.
void copy_(const Tensors& x, const Tensors& sources);
// x <- x + y; shapes and dtypes must match.
void add_(const Tensor& x, const Tensor& y);

}  // namespace osteon
