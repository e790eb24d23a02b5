// Products of matrices that are computed in pieces, by each back end, against float64.
#include <doctest/doctest.h>

#include <algorithm>

#include "ops/backend.h"
#include "ops/ops.h"
#include "tensor/autograd.h"
#include "tensor/creation.h"

using namespace osteon;

namespace {

struct Row {
  std::int64_t rows, inputs, outputs;
  bool bias = true;
};

constexpr Row kRows[] = {
    {383, 24, 40},
    {384, 24, 40},
    {385, 24, 40},
    {1153, 33, 17},
    {800, 70, 1},
    {800, 1, 70},
    {769, 96, 64, false},
    {40, 769, 385},
    {40, 385, 769},
    // With whole and incomplete pieces of rows.
    {1535, 24, 40},
    {1536, 24, 40},
    {1537, 24, 40},
    {2305, 33, 17},
    {1900, 70, 1},
    {1900, 1, 70},
    {1921, 96, 64, false},
    {40, 1921, 385},
    {40, 385, 1921},
};

Tensor random_matrix(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  return rand({rows, columns}, seed, 0) * 2.0 - 1.0;
}

// The output and the gradients of x, weight and bias.
Tensors results(const Row& row, DType dtype) {
  Tensors inputs = {random_matrix(row.rows, row.inputs, 1),
                    random_matrix(row.outputs, row.inputs, 2)};
  if (row.bias) inputs.push_back(reshape(random_matrix(1, row.outputs, 3), {-1}));
  for (Tensor& input : inputs) input = cast(input, dtype).set_requires_grad(true);
  const Tensor y = linear(inputs[0], inputs[1], row.bias ? inputs[2] : Tensor());
  backward(sum(y * cast(random_matrix(row.rows, row.outputs, 4), dtype)));
  Tensors all = {y};
  for (const Tensor& input : inputs) all.push_back(input.grad());
  return all;
}

}  // namespace

TEST_CASE("large products equal those in float64") {
  for (const Row& row : kRows) {
    CAPTURE(row.rows);
    CAPTURE(row.inputs);
    CAPTURE(row.outputs);
    const Tensors right = results(row, DType::f64);
    const double terms = static_cast<double>(std::max({row.rows, row.inputs, row.outputs}));
    for (const Backend each : {Backend::automatic, Backend::direct, Backend::reference}) {
      set_backend(each);
      const Tensors found = results(row, DType::f32);
      set_backend(Backend::automatic);
      for (std::size_t i = 0; i < right.size(); ++i) {
        CAPTURE(i);
        // Rounding of a sum of so many terms below 1; one term is a thousand times as large.
        const Tensor difference = amax(abs(reshape(cast(found[i], DType::f64) - right[i], {-1})));
        CHECK(difference.item() <= terms * 0x1p-23);
      }
    }
  }
}
