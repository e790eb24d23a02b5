// Roots, exponentials, logarithms, trigonometric functions and erf.
#pragma once

#include <cmath>
#include <numbers>

#include "ops/functors/functor.h"
#include "ops/functors/math.h"

namespace osteon::functors {

struct Sqrt {
  static constexpr const char* name = "sqrt";
  static constexpr Saves saves = Saves::output;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return std::sqrt(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A y) const {
    return {dy / (A(2) * y)};
  }
};

struct Rsqrt {
  static constexpr const char* name = "rsqrt";
  static constexpr Saves saves = Saves::output;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return A(1) / std::sqrt(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A y) const {
    return {dy * (A(-0.5) * y * y * y)};
  }
};

struct Exp {
  static constexpr const char* name = "exp";
  static constexpr Saves saves = Saves::output;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return exp_of(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A y) const {
    return {dy * y};
  }
};

struct Expm1 {
  static constexpr const char* name = "expm1";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return expm1_of(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {dy * exp_of(x)};
  }
};

struct Log {
  static constexpr const char* name = "log";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return log_of(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {dy / x};
  }
};

struct Log1p {
  static constexpr const char* name = "log1p";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return std::log1p(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {dy / (A(1) + x)};
  }
};

struct Sin {
  static constexpr const char* name = "sin";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return std::sin(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {dy * std::cos(x)};
  }
};

struct Cos {
  static constexpr const char* name = "cos";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return std::cos(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {-dy * std::sin(x)};
  }
};

struct Erf {
  static constexpr const char* name = "erf";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return erf_of(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {dy * (A(2 * std::numbers::inv_sqrtpi) * exp_of(-x * x))};
  }
};

}  // namespace osteon::functors
