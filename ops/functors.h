// Elementwise functions with their gradients, shared by CPU and CUDA: the lists of all functors,
// and what templates ask of them. One struct per function, with any number of operands; its members
// are the parameters. CONTRIBUTING.md shows how to add one.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include "ops/functors/activations.h"
#include "ops/functors/arithmetic.h"
#include "ops/functors/comparisons.h"
#include "ops/functors/functions.h"

namespace osteon::functors {

// --- the lists: every functor used by an op of ops.h ---------------------------------------------

#define OSTEON_ARITHMETIC(X) \
  X(Neg)                     \
  X(Abs)                     \
  X(Sign)                    \
  X(Clamp)                   \
  X(Pow)                     \
  X(Add)                     \
  X(WithRight<Add>)          \
  X(Sub)                     \
  X(WithRight<Sub>)          \
  X(WithLeft<Sub>)           \
  X(Mul)                     \
  X(WithRight<Mul>)          \
  X(Div)                     \
  X(WithRight<Div>)          \
  X(WithLeft<Div>)           \
  X(Maximum)                 \
  X(Minimum)                 \
  X(Where)

#define OSTEON_FUNCTIONS(X) \
  X(Sqrt)                   \
  X(Rsqrt)                  \
  X(Exp)                    \
  X(Expm1)                  \
  X(Log)                    \
  X(Log1p)                  \
  X(Sin)                    \
  X(Cos)                    \
  X(Erf)

#define OSTEON_ACTIVATIONS(X) \
  X(Relu)                     \
  X(LeakyRelu)                \
  X(Elu)                      \
  X(Sigmoid)                  \
  X(Tanh)                     \
  X(Silu)                     \
  X(Gelu)                     \
  X(GeluTanh)                 \
  X(Softplus)                 \
  X(Hardswish)                \
  X(Hardsigmoid)

#define OSTEON_DIFFERENTIABLE(X) \
  OSTEON_ARITHMETIC(X)           \
  OSTEON_FUNCTIONS(X)            \
  OSTEON_ACTIVATIONS(X)

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

// Instantiates a back end's templates elementwise_forward and elementwise_backward.
// NOLINTBEGIN(bugprone-macro-parentheses): the argument is a type.
#define OSTEON_INSTANTIATE_FORWARD(Functor) \
  template void elementwise_forward(        \
      const Functor&, const std::array<Tensor, functors::kOperands<Functor>>&, const Tensor&);
#define OSTEON_INSTANTIATE_BACKWARD(Functor)                                               \
  template void elementwise_backward(                                                      \
      const Functor&, const std::array<Tensor, functors::kSaved<Functor>>&, const Tensor&, \
      const std::array<Tensor, functors::kGradients<Functor>>&);
// NOLINTEND(bugprone-macro-parentheses)

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
