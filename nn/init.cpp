// The streams of parameters, and their distributions.
#include "nn/init.h"

#include <algorithm>
#include <cmath>

#include "tensor/draws.h"

namespace osteon {

ParameterStream ParameterStreams::operator()(std::string_view parameter) const {
  const std::string name(parameter);
  return {seed_, hash_name(path_.empty() ? name : path_ + "." + name)};
}

void initialise_parameters(Module& root, std::uint64_t seed) {
  NamedModules modules = root.named_modules();
  std::reverse(modules.begin(), modules.end());
  for (const auto& [path, module] : modules) module->initialise(ParameterStreams(seed, path));
}

void kaiming_normal_fan_out_(const Tensor& weight, ParameterStream stream) {
  const std::int64_t fan_out = weight.dim(0) * weight.dim(1) * weight.dim(2);
  normal_(weight, std::sqrt(2.0 / static_cast<double>(fan_out)), stream);
}

void normal_(const Tensor& x, double deviation, ParameterStream stream) {
  fill_with_draws("initialise", x, [=](std::uint64_t block, double* draws, std::int64_t count) {
    fill_normal(stream.seed, stream.stream, block, draws, count);
    for (std::int64_t i = 0; i < count; ++i) draws[i] *= deviation;
  });
}

void xavier_uniform_(const Tensor& weight, ParameterStream stream) {
  uniform_(weight, std::sqrt(6.0 / static_cast<double>(weight.dim(0) + weight.dim(1))), stream);
}

void uniform_(const Tensor& x, double bound, ParameterStream stream) {
  fill_with_draws("initialise", x, [=](std::uint64_t block, double* draws, std::int64_t count) {
    RandomStream random(stream.seed, stream.stream, block);
    for (std::int64_t i = 0; i < count; ++i) draws[i] = random.uniform(-bound, bound);
  });
}

}  // namespace osteon
