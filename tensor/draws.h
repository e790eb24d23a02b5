// Filling tensors with random draws, in blocks of fixed size, each with its own substream: threads
// can share a tensor, and its values do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "tensor/tensor.h"

namespace osteon {

// Calls fill(substream, draws, count) for each block of a CPU tensor, then stores the draws in x.
template <class Fill>
void fill_with_draws(const char* op, const Tensor& x, const Fill& fill) {
  constexpr std::int64_t kBlock = 4096;  // elements per substream
  dispatch_floating(op, x.dtype(), [&]<class T>() {
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

}  // namespace osteon
