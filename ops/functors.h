// Elementwise functions with their gradients, shared by CPU and CUDA. One struct per function, with
// any number of operands; its members are the parameters. CONTRIBUTING.md shows how to add one.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <type_traits>

#include "base/error.h"
#include "base/host_device.h"

namespace osteon::functors {

// The tensors that backward() needs and that are therefore saved. For operands that are not saved,
// backward() gets arbitrary numbers.
enum class Saves {
  nothing,
  condition,  // the first operand is a u8 tensor, passed as bool, without gradient
  others,     // the gradient of an operand depends only on the other operands
  inputs,     // all operands
  output,     // the result; backward() gets it in place of the operands
};

// The gradients of the operands, in order.
template <class A, std::size_t count>
struct Gradients {
  A at[count];
};

// --- one operand ---------------------------------------------------------------------------------

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

struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  static constexpr Saves saves = Saves::output;
  // exp of a negative number only, which cannot overflow.
  template <class A>
  OSTEON_HOST_DEVICE A operator()(A x) const {
    const A e = std::exp(x < A(0) ? x : -x);
    return x < A(0) ? e / (A(1) + e) : A(1) / (A(1) + e);
  }
  template <class A>
  OSTEON_HOST_DEVICE Gradients<A, 1> backward(A dy, A y) const {
    return {dy * (y * (A(1) - y))};
  }
};

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

// --- two operands --------------------------------------------------------------------------------

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

// --- comparisons: a functor that returns bool gives a u8 tensor and has no gradient -------------

struct Eq {
  static constexpr const char* name = "eq";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE bool operator()(A a, A b) const {
    return a == b;
  }
};

struct Ne {
  static constexpr const char* name = "ne";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE bool operator()(A a, A b) const {
    return a != b;
  }
};

struct Lt {
  static constexpr const char* name = "lt";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE bool operator()(A a, A b) const {
    return a < b;
  }
};

struct Le {
  static constexpr const char* name = "le";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE bool operator()(A a, A b) const {
    return a <= b;
  }
};

struct Gt {
  static constexpr const char* name = "gt";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE bool operator()(A a, A b) const {
    return a > b;
  }
};

struct Ge {
  static constexpr const char* name = "ge";
  static constexpr Saves saves = Saves::nothing;
  template <class A>
  OSTEON_HOST_DEVICE bool operator()(A a, A b) const {
    return a >= b;
  }
};

// --- three operands ------------------------------------------------------------------------------

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

// --- the lists: every functor used by an op of ops.h ---------------------------------------------

#define OSTEON_DIFFERENTIABLE(X) \
  X(Relu)                        \
  X(Sigmoid)                     \
  X(Neg)                         \
  X(Clamp)                       \
  X(Pow)                         \
  X(Add)                         \
  X(WithRight<Add>)              \
  X(Sub)                         \
  X(WithRight<Sub>)              \
  X(WithLeft<Sub>)               \
  X(Mul)                         \
  X(WithRight<Mul>)              \
  X(Div)                         \
  X(WithRight<Div>)              \
  X(WithLeft<Div>)               \
  X(Where)

#define OSTEON_COMPARISONS(X) \
  X(Eq)                       \
  X(Ne)                       \
  X(Lt)                       \
  X(Le)                       \
  X(Gt)                       \
  X(Ge)                       \
  X(WithRight<Eq>)            \
  X(WithRight<Ne>)            \
  X(WithRight<Lt>)            \
  X(WithRight<Le>)            \
  X(WithRight<Gt>)            \
  X(WithRight<Ge>)

// Instantiates a back end's templates elementwise_forward and elementwise_backward for every
// functor.
#define OSTEON_INSTANTIATE_FORWARD(Functor) \
  template void elementwise_forward(        \
      const Functor&, const std::array<Tensor, functors::kOperands<Functor>>&, const Tensor&);
#define OSTEON_INSTANTIATE_BACKWARD(Functor)                                               \
  template void elementwise_backward(                                                      \
      const Functor&, const std::array<Tensor, functors::kSaved<Functor>>&, const Tensor&, \
      const std::array<Tensor, functors::kGradients<Functor>>&);
#define OSTEON_INSTANTIATE_ELEMENTWISE               \
  OSTEON_DIFFERENTIABLE(OSTEON_INSTANTIATE_FORWARD)  \
  OSTEON_DIFFERENTIABLE(OSTEON_INSTANTIATE_BACKWARD) \
  OSTEON_COMPARISONS(OSTEON_INSTANTIATE_FORWARD)

// --- traits of functors --------------------------------------------------------------------------

template <class Functor>
constexpr std::size_t kOperands = std::is_invocable_v<const Functor&, double>           ? 1
                                  : std::is_invocable_v<const Functor&, double, double> ? 2
                                                                                        : 3;
// Number of leading operands that are not floating-point and have no gradient.
template <class Functor>
constexpr std::size_t kConditions = Functor::saves == Saves::condition ? 1 : 0;
template <class Functor>
constexpr std::size_t kGradients = kOperands<Functor> - kConditions<Functor>;

// Number of tensors that backward() gets in addition to dy.
template <class Functor>
constexpr std::size_t kSaved = Functor::saves == Saves::output ? 1 : kOperands<Functor>;

template <class Functor>
constexpr bool kIsComparison = requires(const Functor& f) {
  { f(0.0) } -> std::same_as<bool>;
}
|| requires(const Functor& f) {
  { f(0.0, 0.0) } -> std::same_as<bool>;
};

}  // namespace osteon::functors
