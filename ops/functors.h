// Elementwise functions and their derivatives, one struct each, for the CPU and CUDA alike.
//
// To add one: a struct here and its line in the list below it, its entry in ops.h, its call in
// tests/ops/op_calls.cpp, rows in tests/ops/op_cases.cpp, and PyTorch's name in
// scripts/golden/ops.py, which writes the golden values (CONTRIBUTING.md).
#pragma once

#include <cmath>

#include "base/host_device.h"

namespace osteon::functors {

// What a unary function's derivative is computed from, and so what is saved for backward.
enum class Saves { input, output };

struct Relu {
  static constexpr Saves saves = Saves::output;
  template <class A>
  OSTEON_HOST_DEVICE static A f(A x) {
    return x > A(0) ? x : A(0);
  }
  template <class A>
  OSTEON_HOST_DEVICE static A df(A y) {
    return y > A(0) ? A(1) : A(0);
  }
};

struct Sigmoid {
  static constexpr Saves saves = Saves::output;
  // exp of a negative number only, so that it cannot overflow.
  template <class A>
  OSTEON_HOST_DEVICE static A f(A x) {
    const A e = std::exp(x < A(0) ? x : -x);
    return x < A(0) ? e / (A(1) + e) : A(1) / (A(1) + e);
  }
  template <class A>
  OSTEON_HOST_DEVICE static A df(A y) {
    return y * (A(1) - y);
  }
};

// X(op, functor)
#define OSTEON_UNARY_OPS(X) \
  X(relu, Relu)             \
  X(sigmoid, Sigmoid)

// Functions of two numbers with both partial derivatives. `saves_inputs` is false where neither
// derivative looks at them.
struct Add {
  static constexpr bool saves_inputs = false;
  template <class A>
  OSTEON_HOST_DEVICE static A f(A a, A b) {
    return a + b;
  }
  template <class A>
  OSTEON_HOST_DEVICE static A da(A, A) {
    return A(1);
  }
  template <class A>
  OSTEON_HOST_DEVICE static A db(A, A) {
    return A(1);
  }
};

struct Sub {
  static constexpr bool saves_inputs = false;
  template <class A>
  OSTEON_HOST_DEVICE static A f(A a, A b) {
    return a - b;
  }
  template <class A>
  OSTEON_HOST_DEVICE static A da(A, A) {
    return A(1);
  }
  template <class A>
  OSTEON_HOST_DEVICE static A db(A, A) {
    return A(-1);
  }
};

struct Mul {
  static constexpr bool saves_inputs = true;
  template <class A>
  OSTEON_HOST_DEVICE static A f(A a, A b) {
    return a * b;
  }
  template <class A>
  OSTEON_HOST_DEVICE static A da(A, A b) {
    return b;
  }
  template <class A>
  OSTEON_HOST_DEVICE static A db(A a, A) {
    return a;
  }
};

struct Div {
  static constexpr bool saves_inputs = true;
  template <class A>
  OSTEON_HOST_DEVICE static A f(A a, A b) {
    return a / b;
  }
  template <class A>
  OSTEON_HOST_DEVICE static A da(A, A b) {
    return A(1) / b;
  }
  template <class A>
  OSTEON_HOST_DEVICE static A db(A a, A b) {
    return -a / (b * b);
  }
};

#define OSTEON_BINARY_OPS(X) \
  X(add, Add)                \
  X(sub, Sub)                \
  X(mul, Mul)                \
  X(div, Div)

}  // namespace osteon::functors
