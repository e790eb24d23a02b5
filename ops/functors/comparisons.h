// Comparisons: a functor that returns bool gives a u8 tensor and has no gradient.
#pragma once

#include "ops/functors/functor.h"

namespace osteon::functors {

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

}  // namespace osteon::functors
