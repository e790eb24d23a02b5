// Gathers rows: each is read and written once, vectorised to 16 bytes if rows are aligned.
#include "ops/kernels.h"
#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"

namespace osteon::cuda {
namespace {

// Block: (units of a row, rows). An index out of range gives zeros: the device cannot report an
// error without making the host wait.
template <class Unit>
__global__ void __launch_bounds__(kThreads)
    gather_rows(const Unit* x, std::int64_t rows, std::int64_t length, const std::int64_t* indices,
                std::int64_t count, Unit* y) {
  for (std::int64_t i = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y; i < count;
       i += std::int64_t{gridDim.y} * blockDim.y) {
    const std::int64_t row = indices[i];
    const bool exists = row >= 0 && row < rows;
    for (std::int64_t k = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; k < length;
         k += std::int64_t{gridDim.x} * blockDim.x)
      y[i * length + k] = exists ? x[row * length + k] : Unit{};
  }
}

template <class Unit>
void gather(const Tensor& x, const Tensor& indices, std::int64_t row_bytes, const Tensor& y) {
  const std::int64_t length = row_bytes / static_cast<std::int64_t>(sizeof(Unit));
  const int across = threads_for(length, kThreads), down = kThreads / across;
  const auto grid_y = blocks_for(indices.numel(), down, kMaxGridYZ);
  const dim3 grid(blocks_for(length, across, std::max<std::int64_t>(kMaxBlocks / grid_y, 1)),
                  grid_y);
  const dim3 block(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
  launch("index_select", x, gather_rows<Unit>, grid, block, reinterpret_cast<const Unit*>(x.raw()),
         x.dim(0), length, static_cast<const std::int64_t*>(indices.data<std::int64_t>()),
         indices.numel(), reinterpret_cast<Unit*>(y.raw()));
}

bool aligned_to_16(const Tensor& x) { return reinterpret_cast<std::uintptr_t>(x.raw()) % 16 == 0; }

}  // namespace

void index_select(const Tensor& x, const Tensor& indices, const Tensor& y) {
  if (y.numel() == 0) return;
  const std::int64_t row_bytes = static_cast<std::int64_t>(y.bytes()) / indices.numel();
  if (row_bytes % 16 == 0 && aligned_to_16(x) && aligned_to_16(y))
    gather<Bytes16>(x, indices, row_bytes, y);
  else
    gather<std::uint8_t>(x, indices, row_bytes, y);
}

}  // namespace osteon::cuda
