// Dropout on the CPU. The mask is counter-based: (seed, stream, step) are mixed into a Philox key,
// and word j % 4 of the block with counter (j / 4, first_sample + n) decides about element j of
// sample n. Thus a mask does not depend on the composition of the batch or on the thread.
#include <algorithm>

#include "base/parallel.h"
#include "base/philox.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 1024;  // minimum Philox blocks per thread

}  // namespace

void dropout(const Tensor& x, double p, const Tensor& key, const Tensor& y) {
  if (x.numel() == 0) return;
  const std::int64_t* const k = key.data<std::int64_t>();
  const auto seed = static_cast<std::uint64_t>(k[0]), stream = static_cast<std::uint64_t>(k[1]),
             step = static_cast<std::uint64_t>(k[2]), first = static_cast<std::uint64_t>(k[3]);
  const PhiloxBlock mixed = philox(seed, philox_counter(stream, step));
  const std::uint64_t mask_key = mixed[0] | static_cast<std::uint64_t>(mixed[1]) << 32;
  const auto threshold =
      static_cast<std::uint32_t>(p * 0x1p32);  // elements with smaller words are dropped
  const std::int64_t row = x.numel() / x.dim(0), blocks = (row + 3) / 4;

  dispatch_floating("dropout", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const auto scale = static_cast<A>(1 / (1 - p));
    const T* const from = x.data<T>();
    T* const to = y.data<T>();
    parallel_for(x.dim(0) * blocks, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t n = i / blocks, j = i % blocks * 4;
        const PhiloxBlock words =
            philox(mask_key, philox_counter(static_cast<std::uint64_t>(i % blocks),
                                            first + static_cast<std::uint64_t>(n)));
        const std::int64_t count = std::min<std::int64_t>(4, row - j);
        for (std::int64_t e = 0; e < count; ++e) {
          const std::int64_t at = n * row + j + e;
          const bool keeps = words[static_cast<std::size_t>(e)] >= threshold;
          to[at] = T(keeps ? static_cast<A>(from[at]) * scale : A(0));
        }
      }
    });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
