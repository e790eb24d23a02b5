// Conversion of one number to another element type, by the rules of copy_ in tensor.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tensor/dtype.h"

namespace osteon {

// Rounds a number toward zero and clamps it to the range of an integer type; an out-of-range cast
// would be undefined behaviour.
template <class To, class Real>
OSTEON_HOST_DEVICE To to_integer(Real value) {
  constexpr To half = std::numeric_limits<To>::max() / 2 + 1;
  constexpr Real end = static_cast<Real>(half) * 2;
  if (value != value) return 0;
  if (value >= end) return std::numeric_limits<To>::max();
  if (value <= static_cast<Real>(std::numeric_limits<To>::min()))
    return std::numeric_limits<To>::min();
  return static_cast<To>(value);
}

// Converts an Accumulator to an element.
template <class To, class Wide>
OSTEON_HOST_DEVICE To narrowed(Wide wide) {
  if constexpr (!std::is_integral_v<To>)
    return static_cast<To>(static_cast<Accumulator<To>>(wide));
  else if constexpr (!std::is_integral_v<Wide>)
    return to_integer<To>(wide);
  else
    return static_cast<To>(
        std::clamp<std::int64_t>(wide, std::is_signed_v<To> ? std::numeric_limits<To>::min() : 0,
                                 std::numeric_limits<To>::max()));
}

template <class To, class From>
OSTEON_HOST_DEVICE To convert(From value) {
  if constexpr (std::is_same_v<To, From>)
    return value;
  else
    return narrowed<To>(static_cast<Accumulator<From>>(value));
}

}  // namespace osteon
