// The smallest ops that show a property of the engine; like every op they end in record().
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/autograd.h"

namespace osteon {

using Elements = std::vector<double>;

// The result of f for each pair of elements.
template <class F>
Tensor zip(const Tensor& a, const Tensor& b, const F& f) {
  const Elements x = a.to_vector(), y = b.to_vector();
  Elements z(x.size());
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = f(x[i], y[i]);
  return from_vector(z, a.shape(), a.dtype());
}

inline Tensor product(const Tensor& a, const Tensor& b) {
  return zip(a, b, [](double x, double y) { return x * y; });
}

inline Tensor add(const Tensor& a, const Tensor& b) {
  const Tensor y = zip(a, b, [](double u, double v) { return u + v; });
  // Both inputs get the same tensor as gradient.
  return record(OpSchema{"add"}, y, {a, b}, {}, {}, [](const Backward& backward) -> Tensors {
    return {backward.dy(), backward.dy()};
  });
}

inline Tensor mul(const Tensor& a, const Tensor& b) {
  return record(OpSchema{"mul"}, product(a, b), {a, b}, {a, b}, {},
                [](const Backward& backward) -> Tensors {
                  return {backward.needs(0) ? product(backward.dy(), backward.saved(1)) : Tensor(),
                          backward.needs(1) ? product(backward.dy(), backward.saved(0)) : Tensor()};
                });
}

struct Factor {
  double value;
};
inline constexpr OpSchema<Factor> kScale{"scale"};

inline Tensor scale(const Tensor& x, double factor) {
  const auto scaled = [](const Tensor& t, double f) { return product(t, full(t.shape(), f)); };
  return record(kScale, scaled(x, factor), {x}, {}, {factor},
                [](const Backward& backward) -> Tensors {
                  const double f = backward.attrs<Factor>().value;
                  return {product(backward.dy(), full(backward.dy().shape(), f))};
                });
}

// The gradient is passed on unchanged: dx is dy, the same memory.
inline Tensor identity(const Tensor& x) {
  return record(OpSchema{"identity"}, x.clone(), {x}, {}, {},
                [](const Backward& backward) -> Tensors { return {backward.dy()}; });
}

inline Tensor leaf(const Elements& elements) {
  return from_vector(elements, {static_cast<std::int64_t>(elements.size())})
      .set_requires_grad(true);
}

}  // namespace osteon
