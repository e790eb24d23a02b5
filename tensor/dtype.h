// Element types, their C++ types, and the dispatch from a run-time DType to a compile-time type.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <type_traits>

#include "base/error.h"
#include "base/host_device.h"

namespace osteon {

enum class DType { f64, f32, bf16, i64, u8 };

// The upper half of a float: 8 exponent bits, 7 mantissa bits. Conversion rounds to nearest even.
struct bfloat16 {
  std::uint16_t bits = 0;

  bfloat16() = default;
  OSTEON_HOST_DEVICE explicit bfloat16(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#else
    const auto wide = std::bit_cast<std::uint32_t>(value);
    const bool is_nan = (wide & 0x7FFFFFFF) > 0x7F800000;
    bits = is_nan ? static_cast<std::uint16_t>(wide >> 16 | 0x40)
                  : static_cast<std::uint16_t>((wide + 0x7FFF + (wide >> 16 & 1)) >> 16);
#endif
  }
  OSTEON_HOST_DEVICE explicit operator float() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

// The type in which sums and products of T are computed.
template <class T>
using Accumulator = std::conditional_t<std::is_same_v<T, bfloat16>, float, T>;

inline std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::f32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::u8:
      return 1;
  }
  throw Error("dtype: unknown value");
}

inline std::ostream& operator<<(std::ostream& out, DType dtype) {
  switch (dtype) {
    case DType::f64:
      return out << "f64";
    case DType::f32:
      return out << "f32";
    case DType::bf16:
      return out << "bf16";
    case DType::i64:
      return out << "i64";
    case DType::u8:
      return out << "u8";
  }
  return out << "dtype?";
}

inline bool is_floating(DType dtype) {
  return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::bf16;
}

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, double>)
    return DType::f64;
  else if constexpr (std::is_same_v<T, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<T, bfloat16>)
    return DType::bf16;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return DType::i64;
  else {
    static_assert(std::is_same_v<T, std::uint8_t>, "a tensor cannot hold this type");
    return DType::u8;
  }
}

// Calls body.operator()<T>() with the C++ type of a floating-point dtype:
//   dispatch_floating("relu", x.dtype(), [&]<class T>() { ... });
template <class Body>
void dispatch_floating(const char* op, DType dtype, Body&& body) {
  switch (dtype) {
    case DType::f64:
      return body.template operator()<double>();
    case DType::f32:
      return body.template operator()<float>();
    case DType::bf16:
      return body.template operator()<bfloat16>();
    default:
      throw Error(format(op, ": needs a floating-point tensor (f64, f32, bf16), got ", dtype));
  }
}

// As dispatch_floating, for every dtype.
template <class Body>
void dispatch_any(const char* op, DType dtype, Body&& body) {
  switch (dtype) {
    case DType::i64:
      return body.template operator()<std::int64_t>();
    case DType::u8:
      return body.template operator()<std::uint8_t>();
    default:
      dispatch_floating(op, dtype, body);
  }
}

}  // namespace osteon
