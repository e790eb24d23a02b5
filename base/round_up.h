// Rounding up to whole units.
#pragma once

#include <concepts>

namespace osteon {

// The smallest multiple of `unit` that is at least `count`; count >= 0, unit > 0.
template <std::integral Integer>
constexpr Integer rounded_up(Integer count, Integer unit) {
  return (count + unit - 1) / unit * unit;
}

}  // namespace osteon
