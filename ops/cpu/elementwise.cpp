// The lines of elementwise kernels, and the functors of arithmetic.h and comparisons.h.
#include "ops/cpu/elementwise.h"

#include <algorithm>

#include "base/parallel.h"
#include "ops/cpu/broadcast.h"

namespace osteon::cpu::OSTEON_CPU_SET {

constexpr std::int64_t kGrain = 16 * 1024;  // minimum elements per thread

void for_each_line(const Shape& shape, const Tensors& operands,
                   const std::function<void(const Line&)>& body) {
  struct Source {
    const std::byte* data;
    std::int64_t size;  // of an element
    BroadcastLines lines;
  };
  std::vector<Source> sources;
  bool repeats = false;
  for (const Tensor& each : operands) {
    sources.push_back({each.raw(), static_cast<std::int64_t>(size_of(each.dtype())),
                       BroadcastLines(each.shape(), shape)});
    repeats |= each.shape() != shape;
  }
  if (!repeats) {
    parallel_for(shape.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      Line line{begin, end - begin, {}, {1, 1, 1}};
      for (std::size_t k = 0; k < sources.size(); ++k)
        line.from[k] = sources[k].data + begin * sources[k].size;
      body(line);
    });
    return;
  }
  const BroadcastLines& any = sources[0].lines;
  const std::int64_t grain =
      std::max<std::int64_t>(kGrain / std::max<std::int64_t>(any.length(), 1), 1);
  parallel_for(any.lines(), grain, [&](std::int64_t begin, std::int64_t end) {
    Line line{0, any.length(), {}, {}};
    for (std::size_t k = 0; k < sources.size(); ++k) line.step[k] = sources[k].lines.step();
    for (std::int64_t i = begin; i < end; ++i) {
      line.first = i * line.n;
      for (std::size_t k = 0; k < sources.size(); ++k)
        line.from[k] = sources[k].data + sources[k].lines.offset(i) * sources[k].size;
      body(line);
    }
  });
}

OSTEON_ARITHMETIC(OSTEON_INSTANTIATE_FORWARD)
OSTEON_ARITHMETIC(OSTEON_INSTANTIATE_BACKWARD)
OSTEON_COMPARISONS(OSTEON_INSTANTIATE_FORWARD)

}  // namespace osteon::cpu::OSTEON_CPU_SET
