// Making tensors: sequences, random numbers, nested lists. tensor.h has full, zeros, from_vector.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "tensor/tensor.h"

namespace osteon {

// Numbers in nested brackets.
class NestedNumbers {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): each entry of a list is a number or a list.
  NestedNumbers(double number) : elements_{number} {}
  // Throws if the lists differ in their extents.
  NestedNumbers(std::initializer_list<NestedNumbers> entries);

  const std::vector<double>& elements() const { return elements_; }
  const std::vector<std::int64_t>& extents() const { return extents_; }

 private:
  std::vector<double> elements_;
  std::vector<std::int64_t> extents_;
};

// A CPU tensor of the numbers in nested lists: tensor({{1, 2}, {3, 4}}) has shape [2,2]. Numbers
// are converted to `dtype` like copy_. Throws if the lists are ragged.
Tensor tensor(const NestedNumbers& numbers, DType dtype = DType::f32);

// start, start + step, ... up to `end`, which is excluded: [ceil((end - start) / step)]. Throws if
// step is 0 or leads away from the end.
Tensor arange(double start, double end, double step = 1, DType dtype = DType::f32,
              Device device = Device::cpu());

// The identity matrix [n,n].
Tensor eye(std::int64_t n, DType dtype = DType::f32, Device device = Device::cpu());

// Draws from the uniform distribution over [0, 1), and from the standard normal distribution. They
// depend only on the seed, the stream and the shape (base/random.h), not on the number of threads
// or the device; use another stream for each tensor. dtype is floating-point. A uniform draw that
// would be rounded to 1 is the largest number below 1.
Tensor rand(Shape shape, std::uint64_t seed, std::uint64_t stream, DType dtype = DType::f32,
            Device device = Device::cpu());
Tensor randn(Shape shape, std::uint64_t seed, std::uint64_t stream, DType dtype = DType::f32,
             Device device = Device::cpu());

}  // namespace osteon
