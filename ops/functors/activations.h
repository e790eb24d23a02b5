// Activation functions of networks.
#pragma once

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "ops/functors/functor.h"
#include "ops/functors/math.h"

namespace osteon::functors {

struct Relu {
  static constexpr const char* name = "relu";
  static constexpr Saves saves = Saves::output;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return x > A(0) ? x : A(0);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A y) const {
    return {dy * A(int(y > A(0)))};  // without int, g++ is half as fast for AVX2
  }
};

struct LeakyRelu {
  double negative_slope;
  static constexpr const char* name = "leaky_relu";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return x > A(0) ? x : A(negative_slope) * x;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {x > A(0) ? dy : A(negative_slope) * dy};
  }
};

struct Elu {
  double alpha;
  static constexpr const char* name = "elu";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return x > A(0) ? x : A(alpha) * expm1_of(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {x > A(0) ? dy : dy * (A(alpha) * exp_of(x))};
  }
};

struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  static constexpr Saves saves = Saves::output;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return sigmoid_of(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A y) const {
    return {dy * (y * (A(1) - y))};
  }
};

struct Tanh {
  static constexpr const char* name = "tanh";
  static constexpr Saves saves = Saves::output;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return tanh_of(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A y) const {
    return {dy * (A(1) - y * y)};
  }
};

struct Silu {
  static constexpr const char* name = "silu";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return x * sigmoid_of(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    const A s = sigmoid_of(x);
    return {dy * (s * (A(1) + x * (A(1) - s)))};
  }
};

// x times the cumulative normal distribution.
struct Gelu {
  static constexpr const char* name = "gelu";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return x * normal_cdf_of(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    constexpr A kScale = A(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    const A density = kScale * exp_of(A(-0.5) * x * x);
    return {dy * (normal_cdf_of(x) + x * density)};
  }
};

// (1 + tanh(u)) / 2 = sigmoid(2 u), without the rounding of a small result as 1 plus a number.
struct GeluTanh {
  static constexpr const char* name = "gelu_tanh";
  static constexpr Saves saves = Saves::inputs;
  static constexpr double kScale = 2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  static constexpr double kCubic = 0.044715;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return x * sigmoid_of(A(kScale) * x * (A(1) + A(kCubic) * x * x));
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    // 1 - s would be rounded as s is, and is then multiplied by a number of about 10.
    const A u = A(kScale) * x * (A(1) + A(kCubic) * x * x), s = sigmoid_of(u);
    const A slope = A(kScale) * (A(1) + A(3 * kCubic) * x * x);
    return {dy * (s + x * s * sigmoid_of(-u) * slope)};
  }
};

struct Softplus {
  double beta, threshold;
  static constexpr const char* name = "softplus";
  static constexpr Saves saves = Saves::inputs;
  void check() const {
    OSTEON_CHECK(std::isfinite(beta) && beta != 0, "softplus: beta is ", beta,
                 ", expects a finite number other than 0");
  }
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    const A z = A(beta) * x;
    return z > A(threshold) ? x : softplus_of(z) / A(beta);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    const A z = A(beta) * x;
    return {z > A(threshold) ? dy : dy * sigmoid_of(z)};
  }
};

struct Hardswish {
  static constexpr const char* name = "hardswish";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    const A above = x + A(3);
    return x * (above < A(0) ? A(0) : above > A(6) ? A(6) : above) / A(6);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    const A between = dy * (x / A(3) + A(0.5));
    return {x <= A(-3) ? A(0) : x < A(3) ? between : dy};
  }
};

struct Hardsigmoid {
  static constexpr const char* name = "hardsigmoid";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    const A above = x + A(3);
    return (above < A(0) ? A(0) : above > A(6) ? A(6) : above) / A(6);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {x > A(-3) && x < A(3) ? dy / A(6) : A(0)};
  }
};

}  // namespace osteon::functors
