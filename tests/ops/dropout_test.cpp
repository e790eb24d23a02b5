// Properties of dropout: a mask is a function of only (seed, stream, step, sample, element), and
// backward uses the same mask.
#include <doctest/doctest.h>

#include <cmath>

#include "base/parallel.h"
#include "ops/ops.h"

using namespace osteon;

namespace {

constexpr std::int64_t kRow = 1003;  // not a multiple of four, the draws of one Philox block

Tensor key(double seed, double stream, double step, double first_sample) {
  return from_vector({seed, stream, step, first_sample}, {4}, DType::i64);
}

std::vector<double> mask(const Tensor& key_, std::int64_t samples, DType dtype = DType::f32) {
  std::vector<double> values = dropout(full({samples, kRow}, 1, dtype), 0.25, key_).to_vector();
  for (double& value : values) value = value != 0;
  return values;
}

double agreement(const std::vector<double>& a, const std::vector<double>& b) {
  double equal = 0;
  for (std::size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i];
  return equal / static_cast<double>(a.size());
}

}  // namespace

TEST_CASE("an element is dropped with probability p, else scaled by 1 / (1 - p)") {
  constexpr std::int64_t kSamples = 100;
  double kept = 0;
  for (const double value : dropout(full({kSamples, kRow}, 3), 0.25, key(1, 2, 3, 4)).to_vector()) {
    CHECK((value == 0 || value == 4));
    kept += value != 0;
  }
  const double n = kSamples * kRow, deviation = std::sqrt(0.25 * 0.75 / n);
  CHECK(std::abs(kept / n - 0.75) < 4 * deviation);
  CHECK(dropout(full({2, 3}, 3), 0, key(1, 2, 3, 4)).to_vector() == std::vector<double>(6, 3));
}

TEST_CASE("a mask depends on the sample's number, not on batch, dtype or threads") {
  const std::vector<double> whole = mask(key(7, 11, 3, 100), 8);
  const std::vector<double> middle(whole.begin() + 4 * kRow, whole.begin() + 7 * kRow);
  CHECK(mask(key(7, 11, 3, 104), 3) == middle);
  CHECK(mask(key(7, 11, 3, 104), 3, DType::f64) == middle);
  CHECK(mask(key(7, 11, 3, 104), 3, DType::bf16) == middle);
  const int before = num_threads();
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    CHECK(mask(key(7, 11, 3, 100), 8) == whole);
  }
  set_num_threads(before);
}

TEST_CASE("masks of another seed, stream, step or sample are independent") {
  const std::vector<double> reference = mask(key(7, 11, 3, 100), 8);
  const double expected = 0.75 * 0.75 + 0.25 * 0.25;
  for (const Tensor& other : {key(8, 11, 3, 100), key(7, 12, 3, 100), key(7, 11, 4, 100),
                              key(7, 11, 3, 101), key(11, 7, 3, 100), key(7, 3, 11, 100)})
    CHECK(agreement(mask(other, 8), reference) == doctest::Approx(expected).epsilon(0.03));
}

TEST_CASE("backward draws the mask again") {
  Tensor x = full({8, kRow}, 1);
  x.set_requires_grad(true);
  const Tensor y = dropout(x, 0.25, key(7, 11, 3, 100));
  backward(y, full(y.shape(), 2));
  std::vector<double> twice = y.to_vector();
  for (double& value : twice) value *= 2;
  CHECK(x.grad().to_vector() == twice);
}
