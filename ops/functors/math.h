// exp, log, erf and functions of them for the functors. In f32 on the CPU they have no branches and
// no calls, so that loops over them are vectorised, which std::exp is not; their errors are a few
// units in the last place, over the whole range (tests/ops/math_test.cpp). f64 and CUDA use std.
//
// The coefficients are minimax polynomials that scripts/math_coefficients.py computes and prints
// with their errors.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>

#include "base/host_device.h"

namespace osteon::functors {

#if defined(__CUDA_ARCH__)
template <class A>
constexpr bool kUsesStd = true;
#else
template <class A>
constexpr bool kUsesStd = !std::is_same_v<A, float>;
#endif

// first + x (second + x (...)): the coefficients in ascending powers. A loop would prevent the
// vectorisation of the loop around it.
template <class... Rest>
OSTEON_HOST_DEVICE float polynomial(float x, float first, Rest... rest) {
  if constexpr (sizeof...(rest) == 0)
    return first;
  else
    return polynomial(x, rest...) * x + first;
}

// exp(x) = (1 + minus_one) first second. 2^n has two factors, because n may be 128 or -150, which
// no float has as exponent; then results that overflow or are subnormal come out right.
struct ExpParts {
  float minus_one, first, second, inverse_of_second;
};

OSTEON_HOST_DEVICE inline ExpParts exp_parts(float x) {
  constexpr float kLog2 = 0.693359375F, kRestOfLog2 = -2.12194440e-4F;  // 10 bits, and the rest
  constexpr float kLargest = 89, kSmallest = -104;  // exp is infinite above and 0 below
  x = x > kLargest ? kLargest : x;
  x = x < kSmallest ? kSmallest : x;
  // Adding 1.5 * 2^23 rounds to a whole number n, which is then in the lowest bits.
  constexpr float kRounds = 0x1.8p23F;
  const float rounded = x * 1.44269504F + kRounds;
  const float n = rounded - kRounds;
  const float r = (x - n * kLog2) - n * kRestOfLog2;
  const float p =
      polynomial(r, 0.49999997F, 0.16666542F, 0.0416674316F, 0.00836687628F, 0.00138718786F);
  const auto whole = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(rounded) -
                                               std::bit_cast<std::uint32_t>(kRounds));
  const std::int32_t half = whole >> 1, other = whole - half;
  const auto power = [](std::int32_t exponent) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23);
  };
  return {r + r * r * p, power(half), power(other), power(-other)};
}

template <class A>
OSTEON_HOST_DEVICE A exp_of(A x) {
  if constexpr (kUsesStd<A>) {
    return std::exp(x);
  } else {
    const ExpParts parts = exp_parts(x);
    return (1 + parts.minus_one) * parts.first * parts.second;
  }
}

// exp(x) - 1, also near 0.
template <class A>
OSTEON_HOST_DEVICE A expm1_of(A x) {
  if constexpr (kUsesStd<A>) {
    return std::expm1(x);
  } else {
    const ExpParts parts = exp_parts(x);
    return (parts.minus_one * parts.first + (parts.first - parts.inverse_of_second)) * parts.second;
  }
}

// 1 / (1 + exp(-x)), with exp of negative numbers only, which cannot overflow.
template <class A>
OSTEON_HOST_DEVICE A sigmoid_of(A x) {
  const A e = exp_of(-std::abs(x));
  return (x < A(0) ? e : A(1)) / (A(1) + e);
}

template <class A>
OSTEON_HOST_DEVICE A tanh_of(A x) {
  if constexpr (kUsesStd<A>) {
    return std::tanh(x);
  } else {
    const A e = expm1_of(-2 * std::abs(x));
    return std::copysign(-e / (2 + e), x);
  }
}

// log(1 + f) for f in [2^-0.5 - 1, 1], by the series of atanh(f / (2 + f)) (as in fdlibm).
OSTEON_HOST_DEVICE inline float log_near_one(float f) {
  const float s = f / (2 + f), z = s * s;
  return f - s * (f - z * polynomial(z, 0.666664124F, 0.400217384F, 0.279985964F, 0.280267417F));
}

template <class A>
OSTEON_HOST_DEVICE A log_of(A x) {
  if constexpr (kUsesStd<A>) {
    return std::log(x);
  } else {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    const bool is_subnormal = x < 0x1p-126F;
    const auto bits = std::bit_cast<std::uint32_t>(is_subnormal ? x * 0x1p23F : x);
    // x = 2^n m with m in [2^-0.5, 2^0.5).
    const auto n = static_cast<std::int32_t>(bits - 0x3F3504F3U) >> 23;
    const auto m = std::bit_cast<float>(bits - (static_cast<std::uint32_t>(n) << 23));
    const float exponent = static_cast<float>(n) - (is_subnormal ? 23.0F : 0.0F);
    const float y = exponent * 0.693359375F + (exponent * -2.12194440e-4F + log_near_one(m - 1));
    const float special = x == 0 ? -kInfinity : x < 0 ? kNan : x;  // x: infinite or NaN
    return x > 0 && x < kInfinity ? y : special;
  }
}

// log(1 + exp(x)).
template <class A>
OSTEON_HOST_DEVICE A softplus_of(A x) {
  const A e = exp_of(-std::abs(x)), above = x < A(0) ? A(0) : x;
  if constexpr (kUsesStd<A>)
    return above + std::log1p(e);
  else
    return above + log_near_one(e);
}

// For t >= 0: erf(t) if t < 1, and erfc(t) = 1 - erf(t) if t >= 1. Above 4, erfc(t) is below 2e-8
// and becomes 0.
struct ErfParts {
  float erf, erfc;
};

OSTEON_HOST_DEVICE inline ErfParts erf_parts(float t) {
  const float erf =
      t + t * polynomial(t * t, 0.128379166F, -0.37612626F, 0.112835787F, -0.0268533472F,
                         0.0051871622F, -0.00079978531F, 7.80690316e-05F);
  const float u = t > 4 ? 4.0F : t;
  const float erfc = exp_of(-u * polynomial(u, 1.1288116F, 0.634544551F, 0.107141167F,
                                            -0.0244391114F, 0.00389362825F, -0.000351304683F,
                                            2.4376543e-06F, 2.77790468e-06F, -1.94266335e-07F));
  return {erf, t > 4 ? 0.0F : erfc};
}

template <class A>
OSTEON_HOST_DEVICE A erf_of(A x) {
  if constexpr (kUsesStd<A>) {
    return std::erf(x);
  } else {
    const float t = std::abs(x);
    const ErfParts parts = erf_parts(t);
    const float elsewhere = 1 - parts.erfc;
    return std::copysign(t < 1 ? parts.erf : elsewhere, x);
  }
}

// (1 + erf(x / sqrt(2))) / 2, the cumulative normal distribution, without the rounding of a small
// result as 1 plus a number: the error is 4 units at -1.5 and grows to 60 units at -5.5.
template <class A>
OSTEON_HOST_DEVICE A normal_cdf_of(A x) {
  constexpr A kScale = A(1 / std::numbers::sqrt2);
  if constexpr (kUsesStd<A>) {
    return A(0.5) * std::erfc(-x * kScale);
  } else {
    const float t = std::abs(x) * kScale;
    const ErfParts parts = erf_parts(t);
    const float near_zero = 1 - parts.erf;
    const float tail = 0.5F * (t < 1 ? near_zero : parts.erfc), body = 1 - tail;
    return x < 0 ? tail : body;
  }
}

}  // namespace osteon::functors
