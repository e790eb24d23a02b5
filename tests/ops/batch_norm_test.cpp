// The statistics of batch norm over more rows than one block and one thread take. The rows of the
// op table are smaller.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/ops.h"
#include "tests/support/hashed.h"

using namespace osteon;

namespace {

// Rows that drift, so that blocks of rows differ in their means: from `mean` to `mean` + 10, and up
// to 1 beside that.
std::vector<double> drifting(std::int64_t rows, std::int64_t channels, double mean) {
  const HashedSequence draws("drifting");
  std::vector<double> elements;
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t c = 0; c < channels; ++c)
      elements.push_back(mean + 10.0 * static_cast<double>(row) / static_cast<double>(rows) +
                         draws.uniform(elements.size()));
  return elements;
}

}  // namespace

TEST_CASE("statistics over several blocks agree with two passes in float64") {
  struct Row {
    std::int64_t rows, channels;
    double mean;
    DType dtype;
    double tolerance;
  };
  const Row table[] = {{20, 3, 0, DType::f64, 1e-12},      {6000, 7, 0, DType::f64, 1e-12},
                       {40000, 3, -20, DType::f64, 1e-12}, {9000, 64, 1000, DType::f64, 1e-11},
                       {6000, 7, 0, DType::f32, 1e-5},     {9000, 64, 100, DType::f32, 1e-4},
                       {100000, 1, 100, DType::f32, 1e-3}, {100000, 1, 10000, DType::f32, 2e-2}};
  for (const Row& row : table) {
    CAPTURE(row.rows);
    CAPTURE(row.mean);
    CAPTURE(format(row.dtype));
    const Shape vector{row.channels};
    const Tensor x = from_vector(drifting(row.rows, row.channels, row.mean),
                                 {row.rows, row.channels}, row.dtype);
    const Tensor mean = zeros(vector, row.dtype), variance = full(vector, 1, row.dtype);
    const std::vector<double> y =
        batch_norm(x, full(vector, 1, row.dtype), zeros(vector, row.dtype), mean, variance,
                   {.momentum = 1, .epsilon = 1e-12})
            .to_vector();
    const std::vector<double> elements = x.to_vector();  // rounded
    const auto count = static_cast<double>(row.rows);
    for (std::int64_t c = 0; c < row.channels; ++c) {
      double sum = 0, squares = 0;
      const auto each = [&](const auto& body) {
        for (auto i = static_cast<std::size_t>(c); i < elements.size();
             i += static_cast<std::size_t>(row.channels))
          body(i);
      };
      each([&](std::size_t i) { sum += elements[i]; });
      each([&](std::size_t i) { squares += std::pow(elements[i] - sum / count, 2); });
      const auto channel = static_cast<std::size_t>(c);
      CHECK(std::abs(mean.to_vector()[channel] - sum / count) <= row.tolerance);
      CHECK(std::abs(variance.to_vector()[channel] - squares / (count - 1)) <= 10 * row.tolerance);
      double largest = 0;
      const double deviation = std::sqrt(squares / count);
      each([&](std::size_t i) {
        largest = std::max(largest, std::abs(y[i] - (elements[i] - sum / count) / deviation));
      });
      CHECK(largest <= row.tolerance);
    }
  }
}
