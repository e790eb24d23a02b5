// Running the rows of the op table and comparing what comes out.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/ops/op_cases.h"

namespace osteon {

// What a row computes: the output, the gradients that were asked for, the inputs it updated.
using Results = std::vector<std::pair<std::string, Tensor>>;

// Of which inputs a gradient is wanted.
using Choice = std::function<bool(std::size_t)>;
inline bool everyone(std::size_t) { return true; }

// Clones, so that an op that updates an input finds the same one each time.
Tensors leaves_of(const OpCase& row, const Tensors& inputs, const Choice& wants_gradient);

// On the device where the inputs are.
Results run(const OpCase& row, const Tensors& inputs, DType dtype,
            const Choice& wants_gradient = everyone);
Results run(const OpCase& row, DType dtype);

// The same numbers in float64: the reference starts from what the lower precision starts from.
Tensors widened(const Tensors& inputs);

// The largest difference over the largest entry of `reference`, or over `floor` if that is larger;
// infinite where they cannot be compared: NaNs, other shapes.
double relative_difference(const Tensor& tensor, const Tensor& reference, double floor = 0);
bool same_bits(const Tensor& a, const Tensor& b);

}  // namespace osteon
