// Tensor handles and the loops that are not ops: fill, copy, accumulate.
#include "tensor/tensor.h"

#include <algorithm>

#include "tensor/convert.h"
#include "tensor/cpu/elements.h"
#include "tensor/cuda/elements.h"
#include "tensor/cuda/transfer.h"

namespace osteon {
namespace {

// If dtypes differ, the conversion runs on the source's device.
void copy_across(const Tensor& x, const Tensor& source) {
  if (x.dtype() == source.dtype()) return cuda::transfer(x, source);
  const Tensor converted(source.shape(), x.dtype(), source.device());
  copy_(converted, source);
  cuda::transfer(x, converted);
}

}  // namespace

Tensor::Tensor(Shape shape, DType dtype, Device device) {
  const std::size_t bytes = static_cast<std::size_t>(shape.numel()) * size_of(dtype);
  *this = Tensor(std::make_shared<Storage>(bytes, device), 0, std::move(shape), dtype);
}

Tensor::Tensor(std::shared_ptr<Storage> storage, std::int64_t offset, Shape shape, DType dtype)
    : impl_(std::make_shared<Impl>()) {
  const auto end = static_cast<std::size_t>(offset + shape.numel()) * size_of(dtype);
  OSTEON_CHECK(offset >= 0 && end <= storage->bytes(), "tensor: ", shape, " ", dtype,
               " at element ", offset, " does not fit into ", storage->bytes(), " bytes");
  impl_->storage = std::move(storage);
  impl_->offset = offset;
  impl_->shape = std::move(shape);
  impl_->dtype = dtype;
}

std::byte* Tensor::raw() const {
  return impl().storage->data() + static_cast<std::size_t>(impl().offset) * size_of(dtype());
}

double Tensor::item() const {
  OSTEON_CHECK(numel() == 1, "item: tensor ", shape(), " has ", numel(), " elements, needs one");
  return to_vector()[0];
}

std::vector<double> Tensor::to_vector() const {
  if (device().is_cuda()) return to(Device::cpu()).to_vector();
  std::vector<double> elements(static_cast<std::size_t>(numel()));
  dispatch_any("to_vector", dtype(), [&]<class T>() {
    const T* from = data<T>();
    for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = convert<double>(from[i]);
  });
  return elements;
}

Tensor Tensor::view(Shape shape) const {
  OSTEON_CHECK(shape.numel() == numel(), "view: ", this->shape(), " has ", numel(),
               " elements, not the ", shape.numel(), " of ", shape);
  return Tensor(impl().storage, impl().offset, std::move(shape), dtype());
}

Tensor Tensor::rows(std::int64_t begin, std::int64_t end) const {
  OSTEON_CHECK(rank() >= 1 && 0 <= begin && begin <= end && end <= dim(0), "rows: [", begin, ", ",
               end, ") of ", shape());
  // [exercise 1a]
  std::vector<std::int64_t> extents = shape().extents();
  const std::int64_t row = dim(0) == 0 ? 0 : numel() / dim(0);
  extents[0] = end - begin;
  return Tensor(impl().storage, impl().offset + begin * row, Shape(std::move(extents)), dtype());
  // [exercise end]
}

Tensor Tensor::detach() const { return view(shape()); }

Tensor Tensor::clone() const {
  Tensor copy = empty_like(*this);
  copy_(copy, *this);
  return copy;
}

Tensor Tensor::to(const Device& target) const {
  if (target == device()) return *this;
  const Tensor copy(shape(), dtype(), target);
  copy_(copy, *this);
  return copy;
}

Tensor& Tensor::set_requires_grad(bool requires_grad) {
  OSTEON_CHECK(is_leaf(),
               "set_requires_grad: the tensor was computed by an op; only leaves can be set");
  OSTEON_CHECK(!requires_grad || is_floating(dtype()), "set_requires_grad: ", dtype(),
               " tensors have no gradient");
  impl().requires_grad = requires_grad;
  return *this;
}

void Tensor::zero_grad() const {
  impl().has_grad = false;
  if (!impl().grad_is_bound) impl().grad.reset();
}

void Tensor::bind_grad(const Tensor& buffer) const {
  OSTEON_CHECK(buffer.shape() == shape() && buffer.dtype() == dtype(), "bind_grad: buffer ",
               buffer.shape(), " ", buffer.dtype(), " for a leaf ", shape(), " ", dtype());
  impl().grad = std::make_unique<Tensor>(buffer.detach());
  impl().grad_is_bound = true;
  impl().has_grad = false;
}

void Tensor::accumulate_grad(Tensor gradient) const {
  OSTEON_CHECK(gradient.shape() == shape() && gradient.dtype() == dtype(),
               "accumulate_grad: gradient ", gradient.shape(), " ", gradient.dtype(),
               " for a leaf ", shape(), " ", dtype());
  Impl& leaf = impl();
  if (leaf.grad_is_bound) {
    if (leaf.has_grad)
      add_(*leaf.grad, gradient);
    else if (gradient.raw() != leaf.grad->raw())  // otherwise it was computed in this memory
      copy_(*leaf.grad, gradient);
  } else if (leaf.has_grad) {
    // Earlier results of grad() must keep their values.
    if (!leaf.grad->owns_memory_alone()) *leaf.grad = leaf.grad->clone();
    add_(*leaf.grad, gradient);
  } else {
    leaf.grad = std::make_unique<Tensor>(gradient.owns_memory_alone() ? std::move(gradient)
                                                                      : gradient.clone());
  }
  leaf.has_grad = true;
}

void Tensor::set_history(std::shared_ptr<Node> node, std::size_t output_index) const {
  impl().grad_fn = std::move(node);
  impl().output_index = output_index;
}

Tensor empty_like(const Tensor& x) { return Tensor(x.shape(), x.dtype(), x.device()); }

Tensor full(Shape shape, double value, DType dtype, Device device) {
  Tensor x(std::move(shape), dtype, device);
  fill_(x, value);
  return x;
}

Tensor zeros(Shape shape, DType dtype, Device device) {
  return full(std::move(shape), 0, dtype, device);
}

Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype(), x.device()); }

Tensor from_vector(const std::vector<double>& elements, Shape shape, DType dtype) {
  OSTEON_CHECK(static_cast<std::int64_t>(elements.size()) == shape.numel(),
               "from_vector: ", elements.size(), " elements for shape ", shape);
  Tensor x(std::move(shape), dtype);
  dispatch_any("from_vector", dtype, [&]<class T>() {
    T* to = x.data<T>();
    for (std::size_t i = 0; i < elements.size(); ++i) to[i] = convert<T>(elements[i]);
  });
  return x;
}

void fill_(const Tensor& x, double value) {
  x.bump_version();
  if (x.device().is_cuda()) return cuda::fill(x, value);
  cpu::fill(x, value);
}

void copy_(const Tensor& x, const Tensor& source) {
  OSTEON_CHECK(x.shape() == source.shape(), "copy_: from ", source.shape(), " to ", x.shape());
  x.bump_version();
  if (x.device() != source.device()) return copy_across(x, source);
  if (x.device().is_cuda()) return cuda::copy(x, source);
  cpu::copy(x, source);
}

namespace {

// Whether all tensors have one floating-point dtype and are on one CUDA device.
bool are_alike(const Tensors& tensors, const Device& device) {
  return std::ranges::all_of(tensors, [&](const Tensor& x) {
    return x.dtype() == tensors[0].dtype() && is_floating(x.dtype()) && x.device() == device;
  });
}

}  // namespace

void copy_(const Tensors& x, const Tensors& sources) {
  OSTEON_CHECK(x.size() == sources.size(), "copy_: from ", sources.size(), " tensors to ",
               x.size());
  if (x.empty()) return;
  const Device device = x[0].device();
  const bool together = device.is_cuda() && are_alike(x, device) && are_alike(sources, device);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!together) {
      copy_(x[i], sources[i]);
      continue;
    }
    OSTEON_CHECK(x[i].shape() == sources[i].shape(), "copy_: from ", sources[i].shape(), " to ",
                 x[i].shape());
    x[i].bump_version();
  }
  if (together) cuda::copy(x, sources);
}

void add_(const Tensor& x, const Tensor& y) {
  OSTEON_CHECK(x.shape() == y.shape() && x.dtype() == y.dtype() && x.device() == y.device(),
               "add_: ", x.shape(), " ", x.dtype(), " on ", x.device(), " and ", y.shape(), " ",
               y.dtype(), " on ", y.device(), " differ");
  x.bump_version();
  if (x.device().is_cuda()) return cuda::add(x, y);
  cpu::add_in_place(x, y);
}

}  // namespace osteon
