// Sums, products, powers, limits and choices.
#pragma once

#include <cmath>

#include "base/error.h"
#include "ops/functors/functor.h"

namespace osteon::functors {

struct Neg {
  static constexpr const char* name = "neg";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return -x;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A) const {
    return {-dy};
  }
};

struct Abs {
  static constexpr const char* name = "abs";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return std::abs(x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {x > A(0) ? dy : x < A(0) ? -dy : A(0)};
  }
};

struct Sign {
  static constexpr const char* name = "sign";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return x > A(0) ? A(1) : x < A(0) ? A(-1) : A(0);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A, A) const {
    return {A(0)};
  }
};

struct Clamp {
  double min, max;
  static constexpr const char* name = "clamp";
  static constexpr Saves saves = Saves::inputs;
  void check() const {
    OSTEON_CHECK(min <= max, "clamp: min is ", min, " and max is ", max, ", expects min <= max");
  }
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return x < A(min) ? A(min) : x > A(max) ? A(max) : x;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {x > A(min) && x < A(max) ? dy : A(0)};
  }
};

struct Pow {
  double exponent;
  static constexpr const char* name = "pow";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    return std::pow(x, A(exponent));
  }
  // x^0 is 1 everywhere; at 0 the formula would give 0 * infinity.
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {exponent == 0 ? A(0) : dy * (A(exponent) * std::pow(x, A(exponent - 1)))};
  }
};

struct Add {
  static constexpr const char* name = "add";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A a, A b) const {
    return a + b;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 2> backward(A dy, A, A) const {
    return {dy, dy};
  }
};

struct Sub {
  static constexpr const char* name = "sub";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A a, A b) const {
    return a - b;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 2> backward(A dy, A, A) const {
    return {dy, -dy};
  }
};

struct Mul {
  static constexpr const char* name = "mul";
  static constexpr Saves saves = Saves::others;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A a, A b) const {
    return a * b;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 2> backward(A dy, A a, A b) const {
    return {dy * b, dy * a};
  }
};

struct Div {
  static constexpr const char* name = "div";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A a, A b) const {
    return a / b;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 2> backward(A dy, A a, A b) const {
    return {dy * (A(1) / b), dy * (-a / (b * b))};
  }
};

// Equal operands share the gradient; NaN if one operand is.
struct Maximum {
  static constexpr const char* name = "maximum";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A a, A b) const {
    return a > b || a != a ? a : b;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 2> backward(A dy, A a, A b) const {
    const A each = a == b ? dy / A(2) : dy;
    return {a < b ? A(0) : each, a > b ? A(0) : each};
  }
};

struct Minimum {
  static constexpr const char* name = "minimum";
  static constexpr Saves saves = Saves::inputs;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A a, A b) const {
    return a < b || a != a ? a : b;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 2> backward(A dy, A a, A b) const {
    const A each = a == b ? dy / A(2) : dy;
    return {a > b ? A(0) : each, a < b ? A(0) : each};
  }
};

struct Where {
  static constexpr const char* name = "where";
  static constexpr Saves saves = Saves::condition;
  template <class A>
  OSTEON_HOST_DEVICE A operator()(bool condition, A a, A b) const {
    return condition ? a : b;
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 2> backward(A dy, bool condition, A, A) const {
    return {condition ? dy : A(0), condition ? A(0) : dy};
  }
};

// A function of two operands with a number as the second (`x / 2.0`).
template <class Binary>
struct WithRight {
  double right;
  static constexpr const char* name = Binary::name;
  static constexpr Saves saves = Binary::saves == Saves::others ? Saves::nothing : Binary::saves;
  template <class A>
  OSTEON_HOST_DEVICE auto operator()(A x) const {
    return Binary()(x, A(right));
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {Binary().backward(dy, x, A(right)).at[0]};
  }
};

// The same with a number as the first (`1.0 / x`).
template <class Binary>
struct WithLeft {
  double left;
  static constexpr const char* name = Binary::name;
  static constexpr Saves saves = Binary::saves == Saves::others ? Saves::nothing : Binary::saves;
  template <class A>
  OSTEON_HOST_DEVICE auto operator()(A x) const {
    return Binary()(A(left), x);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A x) const {
    return {Binary().backward(dy, A(left), x).at[1]};
  }
};

}  // namespace osteon::functors
