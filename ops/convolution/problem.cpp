// Names and counts of convolutions.
#include "ops/convolution/problem.h"

namespace osteon::convolution {

const char* name_of(Direction direction) {
  constexpr const char* kNames[] = {"forward", "backward_input", "backward_weight"};
  return kNames[static_cast<int>(direction)];
}

namespace {

const char* suffix_of(Activation activation) {
  constexpr const char* kSuffixes[] = {"", " relu", " relu6", " silu"};
  return kSuffixes[static_cast<int>(activation)];
}

}  // namespace

std::string describe(const Problem& problem) {
  const auto& [stride, padding, dilation, groups] = problem.options;
  const auto pair = [](const Spatial& of) { return format(of.height, ",", of.width); };
  return format(name_of(problem.direction), " x ", problem.x.shape(), " weight ",
                problem.weight.shape(), " stride ", pair(stride), " padding ", padding.top, ",",
                padding.bottom, ",", padding.left, ",", padding.right, " dilation ", pair(dilation),
                " groups ", groups, " ", problem.x.dtype(), problem.bias.defined() ? " bias" : "",
                problem.residual ? " residual" : "", suffix_of(problem.activation));
}

double flops(const Problem& problem) {
  const std::int64_t window = problem.weight.numel() / problem.weight.dim(0);
  return 2.0 * static_cast<double>(problem.y.numel()) * static_cast<double>(window);
}

}  // namespace osteon::convolution
