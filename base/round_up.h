// Whole units.
#pragma once

#include <concepts>

namespace osteon {

// The smallest multiple of `unit` that is at least `count`; both are at least 0, unit above it.
template <std::integral Integer>
constexpr Integer rounded_up(Integer count, Integer unit) {
  return (count + unit - 1) / unit * unit;
}

}  // namespace osteon
