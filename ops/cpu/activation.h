// The activation functions that batch norm and convolution compute in their last pass (Activation,
// ops.h), on lanes of channels.
#pragma once

#include <cstring>
#include <type_traits>

#include "ops/cpu/lanes.h"
#include "ops/functors.h"
#include "ops/ops.h"

namespace osteon::cpu {

// Calls body with the activation as a constant of the compiler.
template <class Body>
void with_activation(Activation activation, const Body& body) {
  switch (activation) {
    case Activation::none:
      return body(std::integral_constant<Activation, Activation::none>());
    case Activation::relu:
      return body(std::integral_constant<Activation, Activation::relu>());
    case Activation::relu6:
      return body(std::integral_constant<Activation, Activation::relu6>());
    case Activation::silu:
      return body(std::integral_constant<Activation, Activation::silu>());
  }
}

// function(a, b) of each lane; compiled to vector instructions if it has no branches.
template <class T, class Function>
Lanes<T> each_lane(Lanes<T> a, Lanes<T> b, const Function& function) {
  Accumulator<T> first[kLanes<T>], second[kLanes<T>];
  std::memcpy(first, &a, sizeof a);
  std::memcpy(second, &b, sizeof b);
  for (std::int64_t i = 0; i < kLanes<T>; ++i) first[i] = function(first[i], second[i]);
  std::memcpy(&a, first, sizeof a);
  return a;
}

// The activation of x.
template <class T>
[[gnu::always_inline]] inline Lanes<T> activated(Activation activation, Lanes<T> x) {
  const Lanes<T> zero = {}, six = zero + 6;
  switch (activation) {
    case Activation::none:
      break;
    case Activation::relu:
      return x < zero ? zero : x;
    case Activation::relu6:
      x = x < zero ? zero : x;
      return x > six ? six : x;
    case Activation::silu:
      return each_lane<T>(x, x, [](auto value, auto) { return functors::Silu()(value); });
  }
  return x;
}

// dy times the derivative at x. relu and relu6 have the same at their output as at x.
template <class T>
[[gnu::always_inline]] inline Lanes<T> activation_gradient(Activation activation, Lanes<T> dy,
                                                           Lanes<T> x) {
  const Lanes<T> zero = {}, six = zero + 6;
  switch (activation) {
    case Activation::none:
      break;
    case Activation::relu:
      return x > zero ? dy : zero;
    case Activation::relu6:
      dy = x > zero ? dy : zero;
      return x < six ? dy : zero;
    case Activation::silu:
      return each_lane<T>(
          dy, x, [](auto g, auto value) { return functors::Silu().backward(g, value).at[0]; });
  }
  return dy;
}

}  // namespace osteon::cpu
