// One line an op.
#include "nn/flops.h"

#include <string_view>

namespace osteon {
namespace {

// Multiply-adds an element of the output, times two.
std::int64_t conv2d_flops(const Observation& op) {
  const Tensor& weight = op.inputs[1];
  return 2 * op.outputs[0].numel() * (weight.numel() / weight.dim(0));
}

std::int64_t linear_flops(const Observation& op) {
  return 2 * op.outputs[0].numel() * op.inputs[1].dim(1);
}

// Each element of the first factor meets each column of the result, transposed or not.
std::int64_t matmul_flops(const Observation& op) {
  return 2 * op.inputs[0].numel() * op.outputs[0].dim(-1);
}

struct Rule {
  std::string_view name;
  std::int64_t (*flops)(const Observation&);
};

constexpr Rule kRules[] = {
    {"conv2d", conv2d_flops},
    {"linear", linear_flops},
    {"matmul", matmul_flops},
};

}  // namespace

std::int64_t count_flops(const Observation& op) {
  for (const auto& [name, flops] : kRules)
    if (name == op.name) return flops(op);
  return 0;
}

}  // namespace osteon
