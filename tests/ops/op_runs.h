// Running the rows of the op table and comparing the results.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/ops/op_cases.h"

namespace osteon {

// The results of a row: the output, the requested gradients, the inputs that it updated.
using Results = std::vector<std::pair<std::string, Tensor>>;

// Whether the gradient of an input is requested.
using Choice = std::function<bool(std::size_t)>;
inline bool everyone(std::size_t) { return true; }

// Clones, so that an op that updates an input starts from the same values each time.
Tensors leaves_of(const OpCase& row, const Tensors& inputs, const Choice& wants_gradient);

// Runs the row on the device of the inputs.
Results run(const OpCase& row, const Tensors& inputs, DType dtype,
            const Choice& wants_gradient = everyone);
Results run(const OpCase& row, DType dtype);

// The inputs converted to float64: the reference starts from the same values as the lower
// precision.
Tensors widened(const Tensors& inputs);

// The largest difference divided by the largest entry of `reference`, or by `floor` if that is
// larger. Infinite if they cannot be compared: NaNs, different shapes.
double relative_difference(const Tensor& tensor, const Tensor& reference, double floor = 0);
// Their most different elements, for a message.
std::string largest_difference(const Tensor& tensor, const Tensor& reference);
bool same_bits(const Tensor& a, const Tensor& b);

}  // namespace osteon
