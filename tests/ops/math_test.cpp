// The vectorised functions of ops/functors/math.h, through their ops, over the whole range of f32.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/ops.h"

using namespace osteon;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Numbers of every sign and exponent, also subnormal, infinite and NaN, and those near a limit.
std::vector<float> numbers() {
  std::vector<float> all;
  constexpr std::uint32_t kStride = 4099;  // a prime: every pattern of the low bits occurs
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += kStride)
    all.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  const float listed[] = {
      0.0F,      1,          0.5F,       1e-45F,     0x1p-126F, 88.72283F,    88.72284F, 104,
      1e-8F,     87.33655F,  87.33654F,  103.97F,    103.98F,   20,           9.01F,     4,
      0x1p-149F, 3.4028e38F, 0.9999999F, 1.0000001F, kInfinity, std::nanf("")};
  for (const float each : listed)
    for (const float number : {each, -each}) all.push_back(number);
  return all;
}

// The distance of two neighbours of f32 at y.
double unit_at(double y) {
  int exponent = 0;
  std::frexp(y, &exponent);
  return std::ldexp(1.0, std::max(exponent - 24, -149));
}

// The largest error in units in the last place; infinite where infinities or NaN differ.
double largest_error(const std::vector<float>& x, const float* y, double (*function)(double)) {
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = function(x[i]), rounded = static_cast<float>(expected);
    const bool agree = std::isnan(expected) ? std::isnan(y[i])
                       : std::isinf(rounded) || std::isinf(y[i])
                           ? y[i] == rounded
                           : std::abs(y[i] - expected) < 1e3 * unit_at(expected);
    if (!agree) {
      MESSAGE(x[i] << " gives " << y[i] << ", expected " << expected);
      return kInfinity;
    }
    if (std::isfinite(rounded))
      largest = std::max(largest, std::abs(y[i] - expected) / unit_at(expected));
  }
  return largest;
}

}  // namespace

TEST_CASE("vectorised functions are right to a few units in the last place") {
  struct Row {
    const char* name;
    Tensor (*op)(const Tensor&);
    double (*function)(double);
  };
  const Row rows[] = {
      {"exp", exp, std::exp},
      {"expm1", expm1, std::expm1},
      {"log", log, std::log},
      {"tanh", tanh, std::tanh},
      {"erf", erf, std::erf},
      {"sigmoid", sigmoid,
       [](double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }},
      {"softplus", [](const Tensor& x) { return softplus(x, 1, kInfinity); },
       [](double x) {
         return std::max(x, 0.0) + (x == x ? std::log1p(std::exp(-std::abs(x))) : x);
       }},
      {"elu", [](const Tensor& x) { return elu(x); },
       [](double x) { return x > 0 ? x : std::expm1(x); }}};
  const std::vector<float> x = numbers();
  const Tensor input({static_cast<std::int64_t>(x.size())}, DType::f32);
  std::copy(x.begin(), x.end(), input.data<float>());
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    const double error = largest_error(x, row.op(input).data<float>(), row.function);
    CHECK(error <= 3);
  }
}
