// Draws in blocks of fixed size, each with its own substream: threads can share a tensor, and its
// values do not depend on the number of threads.
#include "nn/init.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"

namespace osteon {
namespace {

constexpr std::int64_t kBlock = 4096;  // elements per substream

// Calls fill(substream, draws, count) for each block of x, then stores the draws in x.
template <class Fill>
void fill_with_draws(const Tensor& x, const Fill& fill) {
  dispatch_floating("initialise", x.dtype(), [&]<class T>() {
    T* elements = x.data<T>();
    const std::int64_t blocks = (x.numel() + kBlock - 1) / kBlock;
    parallel_for(blocks, 1, [&](std::int64_t first, std::int64_t last) {
      std::vector<double> draws(kBlock);
      for (std::int64_t block = first; block < last; ++block) {
        const std::int64_t begin = block * kBlock, count = std::min(x.numel() - begin, kBlock);
        fill(static_cast<std::uint64_t>(block), draws.data(), count);
        for (std::int64_t i = 0; i < count; ++i)
          elements[begin + i] = T(static_cast<Accumulator<T>>(draws[static_cast<std::size_t>(i)]));
      }
    });
  });
  x.bump_version();
}

}  // namespace

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
  const double deviation = std::sqrt(2.0 / static_cast<double>(fan_out));
  fill_with_draws(weight, [=](std::uint64_t block, double* draws, std::int64_t count) {
    fill_normal(stream.seed, stream.stream, block, draws, count);
    for (std::int64_t i = 0; i < count; ++i) draws[i] *= deviation;
  });
}

void uniform_(const Tensor& x, double bound, ParameterStream stream) {
  fill_with_draws(x, [=](std::uint64_t block, double* draws, std::int64_t count) {
    RandomStream random(stream.seed, stream.stream, block);
    for (std::int64_t i = 0; i < count; ++i) draws[i] = random.uniform(-bound, bound);
  });
}

}  // namespace osteon
