// Several channels at once: vectors of the accumulator's type as wide as a cache line, which the
// compiler maps onto what the processor has (GCC's and clang's vector extension). For the loops
// whose cost is memory traffic and whose storage type may be bf16.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__AVX512BF16__) && defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "tensor/dtype.h"

// On a processor without AVX-512 g++ notes that such vectors travel another way than where there is
// one; ours never leave the file they are used in. For all of the file that includes this.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

namespace osteon::cpu {

template <class A>
struct LanesOf;
template <>
struct LanesOf<float> {
  using type [[gnu::vector_size(64)]] = float;
};
template <>
struct LanesOf<double> {
  using type [[gnu::vector_size(64)]] = double;
};
template <class T>
using Lanes = typename LanesOf<Accumulator<T>>::type;

template <class T>
constexpr std::int64_t kLanes = 64 / static_cast<std::int64_t>(sizeof(Accumulator<T>));

template <class T>
Lanes<T> broadcast(Accumulator<T> value) {
  return Lanes<T>{} + value;
}

// The first kLanes elements at `from`.
template <class T>
Lanes<T> load(const T* from) {
  if constexpr (std::is_same_v<T, bfloat16>) {
    using Half [[gnu::vector_size(32)]] = std::uint16_t;
    using Word [[gnu::vector_size(64)]] = std::uint32_t;
    Half half;
    std::memcpy(&half, from, sizeof half);
    return std::bit_cast<Lanes<T>>(__builtin_convertvector(half, Word) << 16);
  } else {
    Lanes<T> lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
  }
}

// Rounds to the storage type, as its constructor does (but a denormal may become 0).
template <class T>
void store(T* to, Lanes<T> lanes) {
  if constexpr (std::is_same_v<T, bfloat16>) {
#if defined(__AVX512BF16__) && defined(__AVX512F__)
    const __m256bh half = _mm512_cvtneps_pbh(std::bit_cast<__m512>(lanes));
    std::memcpy(static_cast<void*>(to), &half, sizeof half);
#else
    for (std::int64_t i = 0; i < kLanes<T>; ++i) to[i] = T(lanes[i]);
#endif
  } else {
    std::memcpy(to, &lanes, sizeof lanes);
  }
}

// The same for the last lanes of a row, which may be fewer; those beyond count as 0.
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
