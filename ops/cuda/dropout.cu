// Dropout with the same masks as the CPU, bit for bit: word j % 4 of the Philox block with counter
// (j / 4, first_sample + n) decides about element j of sample n. The kernel reads the key from
// device memory, so that a replayed launch draws new numbers after the key's step has changed.
// Memory traffic: x is read once and y written once; the mask is never stored.
#include "base/philox.h"
#include "ops/kernels.h"
#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"

namespace osteon::cuda {
namespace {

constexpr int kWords = 4;  // per Philox block

// One thread per Philox block of a sample. Block: (Philox blocks, samples). `vectorised`: the row
// length is a multiple of four elements, and rows are aligned.
template <class T, bool vectorised>
__global__ void __launch_bounds__(kThreads)
    dropout_rows(const T* x, std::int64_t samples, std::int64_t row, std::uint32_t threshold,
                 Accumulator<T> scale, const std::int64_t* key, T* y) {
  using A = Accumulator<T>;
  const auto word = [&](int i) { return static_cast<std::uint64_t>(key[i]); };
  const std::uint64_t first_sample = word(3);
  const PhiloxBlock mixed = philox(word(0), philox_counter(word(1), word(2)));
  const std::uint64_t mask_key = mixed[0] | static_cast<std::uint64_t>(mixed[1]) << 32;
  const std::int64_t blocks = (row + kWords - 1) / kWords;
  for (std::int64_t n = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y; n < samples;
       n += std::int64_t{gridDim.y} * blockDim.y)
    for (std::int64_t block = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; block < blocks;
         block += std::int64_t{gridDim.x} * blockDim.x) {
      const PhiloxBlock words =
          philox(mask_key, philox_counter(static_cast<std::uint64_t>(block),
                                          first_sample + static_cast<std::uint64_t>(n)));
      const std::int64_t first = n * row + block * kWords;
      const auto kept_or_zero = [&](T element, int i) {
        return T(words[static_cast<std::size_t>(i)] >= threshold ? static_cast<A>(element) * scale
                                                                 : A(0));
      };
      if constexpr (vectorised) {
        Pack<T, kWords> pack = load<kWords>(x + first);
#pragma unroll
        for (int i = 0; i < kWords; ++i) pack.at[i] = kept_or_zero(pack.at[i], i);
        store<kWords>(y + first, pack);
      } else {
#pragma unroll
        for (int i = 0; i < kWords; ++i)
          if (block * kWords + i < row) y[first + i] = kept_or_zero(x[first + i], i);
      }
    }
}

}  // namespace

void dropout(const Tensor& x, double p, const Tensor& key, const Tensor& y) {
  if (x.numel() == 0) return;
  const std::int64_t samples = x.dim(0), row = x.numel() / samples;
  const std::int64_t blocks = (row + kWords - 1) / kWords;
  const int across = threads_for(blocks, kThreads), down = kThreads / across;
  const auto grid_y = blocks_for(samples, down, kMaxGridYZ);
  const dim3 grid(blocks_for(blocks, across, std::max<std::int64_t>(kMaxBlocks / grid_y, 1)),
                  grid_y);
  const dim3 block(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
  dispatch_floating("dropout", x.dtype(), [&]<class T>() {
    const bool vectorised =
        row % kWords == 0 && is_aligned<T, kWords>(x) && is_aligned<T, kWords>(y);
    launch("dropout", x, vectorised ? dropout_rows<T, true> : dropout_rows<T, false>, grid, block,
           x.data<T>(), samples, row,
           static_cast<std::uint32_t>(p * 0x1p32),  // elements with smaller words are dropped
           static_cast<Accumulator<T>>(1 / (1 - p)), key.data<std::int64_t>(), y.data<T>());
  });
}

}  // namespace osteon::cuda
