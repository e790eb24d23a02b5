// SIMD vectors of several channels in the accumulator's type, as wide as the registers of the
// instruction set that the file is compiled for (vector extension of GCC and clang). For loops that
// are bound by memory traffic and whose storage type may be bf16.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "tensor/dtype.h"

namespace osteon::cpu {

#if defined(__AVX512F__)
inline constexpr int kLaneBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kLaneBytes = 32;
#else
inline constexpr int kLaneBytes = 16;
#endif

template <class A>
struct LanesOf;
template <>
struct LanesOf<float> {
  using type [[gnu::vector_size(kLaneBytes)]] = float;
};
template <>
struct LanesOf<double> {
  using type [[gnu::vector_size(kLaneBytes)]] = double;
};
template <class T>
using Lanes = typename LanesOf<Accumulator<T>>::type;

template <class T>
constexpr std::int64_t kLanes = kLaneBytes / static_cast<std::int64_t>(sizeof(Accumulator<T>));

// The bit patterns of f32 and of bf16 lanes.
using Words [[gnu::vector_size(kLaneBytes)]] = std::uint32_t;
using Halves [[gnu::vector_size(kLaneBytes / 2)]] = std::uint16_t;

// The first kLanes elements at `from`.
template <class T>
Lanes<T> load(const T* from) {
  if constexpr (std::is_same_v<T, bfloat16>) {
    Halves halves;
    std::memcpy(&halves, from, sizeof halves);
    return std::bit_cast<Lanes<T>>(__builtin_convertvector(halves, Words) << 16);
  } else {
    Lanes<T> lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
  }
}

// Rounds to the storage type like its constructor.
template <class T>
void store(T* to, Lanes<T> lanes) {
  if constexpr (std::is_same_v<T, bfloat16>) {
    const auto words = std::bit_cast<Words>(lanes);
    const Words rounded = (words + 0x7FFF + (words >> 16 & 1)) >> 16;
    const Words quiet_nan = words >> 16 | 0x40;
    const Words result = (words & 0x7FFFFFFF) > 0x7F800000 ? quiet_nan : rounded;
    const Halves halves = __builtin_convertvector(result, Halves);
    std::memcpy(static_cast<void*>(to), &halves, sizeof halves);
  } else {
    std::memcpy(to, &lanes, sizeof lanes);
  }
}

// The same for the last lanes of a row, which may be fewer; missing lanes are 0.
template <class T>
Lanes<T> load(const T* from, std::int64_t count) {
  if (count >= kLanes<T>) return load(from);
  T padded[kLanes<T>] = {};
  for (std::int64_t i = 0; i < count; ++i) padded[i] = from[i];
  return load(padded);
}
template <class T>
void store(T* to, Lanes<T> lanes, std::int64_t count) {
  if (count >= kLanes<T>) return store(to, lanes);
  T padded[kLanes<T>];
  store(padded, lanes);
  for (std::int64_t i = 0; i < count; ++i) to[i] = padded[i];
}

}  // namespace osteon::cpu
