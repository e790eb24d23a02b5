// softmax over the rows of x [rows, columns] in four versions. N = rows * columns numbers of 4
// bytes; the bytes that the threads ask for, and the bytes that move if no cache keeps anything,
// are in units of 4 N. A warp's access moves whole sectors of 32 bytes.
//
//   version             asked: read  written   moved: read  written   exponentials per number
//   thread per row                3        1            24        8                         2
//   warp per row                  3        1             3        1                         2
//   online                        2        1             2        1                         3
//   row in registers              1        1             1        1                         1
//
// tests/cuda_emulator/kernel_ladder_test.cpp counts the bytes.
#include <cfloat>
#include <cmath>

#include "base/error.h"
#include "examples/kernels/access.cuh"
#include "examples/kernels/ladder.h"

namespace osteon::ladder {
namespace {

using cuda::kThreads;
using cuda::launch;

// The start of a maximum. Unlike minus infinity, it may be subtracted from itself.
constexpr float kLowest = -FLT_MAX;

// --- 1: one thread a row -------------------------------------------------------------------------

__global__ void __launch_bounds__(kThreads)
    thread_per_row(const float* x, std::int64_t rows, std::int64_t columns, float* y) {
  const std::int64_t row = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (row >= rows) return;
  const float* const from = x + row * columns;
  float maximum = kLowest, sum = 0;
  for (std::int64_t j = 0; j < columns; ++j) maximum = max(maximum, load(from + j));
  for (std::int64_t j = 0; j < columns; ++j) sum += std::exp(load(from + j) - maximum);
  for (std::int64_t j = 0; j < columns; ++j)
    store(y + row * columns + j, std::exp(load(from + j) - maximum) / sum);
}

// --- 2: one warp a row ---------------------------------------------------------------------------

__device__ float maximum_of_warp(float value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2)
    value = max(value, __shfl_xor_sync(kWholeWarp, value, distance));
  return value;
}

__device__ float sum_of_warp(float value) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(kWholeWarp, value, distance);
  return value;
}

// Block: (32, rows). Lane i of a warp has the numbers i, i + 32, i + 64, ... of the row.
__global__ void __launch_bounds__(kThreads)
    warp_per_row(const float* x, std::int64_t rows, std::int64_t columns, float* y) {
  const std::int64_t row = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (row >= rows) return;
  const float* const from = x + row * columns;
  float maximum = kLowest, sum = 0;
  for (std::int64_t j = threadIdx.x; j < columns; j += kWarp)
    maximum = max(maximum, load(from + j));
  maximum = maximum_of_warp(maximum);
  for (std::int64_t j = threadIdx.x; j < columns; j += kWarp)
    sum += std::exp(load(from + j) - maximum);
  sum = sum_of_warp(sum);
  for (std::int64_t j = threadIdx.x; j < columns; j += kWarp)
    store(y + row * columns + j, std::exp(load(from + j) - maximum) / sum);
}

// --- 3: maximum and sum in one pass --------------------------------------------------------------

// Of some numbers of a row: their maximum, and the sum of exp(x - maximum).
struct Part {
  float maximum, sum;
};

__device__ Part merge(Part a, Part b) {
  const float maximum = max(a.maximum, b.maximum);
  return {maximum, a.sum * std::exp(a.maximum - maximum) + b.sum * std::exp(b.maximum - maximum)};
}

__global__ void __launch_bounds__(kThreads)
    online(const float* x, std::int64_t rows, std::int64_t columns, float* y) {
  const std::int64_t row = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (row >= rows) return;
  const float* const from = x + row * columns;
  Part part{kLowest, 0};
  for (std::int64_t j = threadIdx.x; j < columns; j += kWarp)
    part = merge(part, {load(from + j), 1});
  for (int distance = kWarp / 2; distance > 0; distance /= 2)
    part = merge(part, {__shfl_xor_sync(kWholeWarp, part.maximum, distance),
                        __shfl_xor_sync(kWholeWarp, part.sum, distance)});
  for (std::int64_t j = threadIdx.x; j < columns; j += kWarp)
    store(y + row * columns + j, std::exp(load(from + j) - part.maximum) / part.sum);
}

// --- 4: 16 bytes an access, the row in registers -------------------------------------------------

// Lane i of a warp has the accesses i, i + 32, ... of the row, at most `count` of them.
template <int count>
__global__ void __launch_bounds__(kThreads)
    row_in_registers(const float* x, std::int64_t rows, std::int64_t columns, float* y) {
  const std::int64_t row = std::int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  if (row >= rows) return;
  Four values[count];
  float maximum = kLowest, sum = 0;
#pragma unroll
  for (int k = 0; k < count; ++k) {
    const std::int64_t j = (k * kWarp + std::int64_t{threadIdx.x}) * kWidth;
    values[k] =
        j < columns ? load(fours(x + row * columns + j)) : Four{kLowest, kLowest, kLowest, kLowest};
    for (int i = 0; i < kWidth; ++i) maximum = max(maximum, values[k].at[i]);
  }
  maximum = maximum_of_warp(maximum);
#pragma unroll
  for (int k = 0; k < count; ++k)
    for (int i = 0; i < kWidth; ++i) {
      values[k].at[i] = std::exp(values[k].at[i] - maximum);  // 0 beyond the row's end
      sum += values[k].at[i];
    }
  const float scale = 1 / sum_of_warp(sum);
#pragma unroll
  for (int k = 0; k < count; ++k) {
    const std::int64_t j = (k * kWarp + std::int64_t{threadIdx.x}) * kWidth;
    for (int i = 0; i < kWidth; ++i) values[k].at[i] *= scale;
    if (j < columns) store(fours(y + row * columns + j), values[k]);
  }
}

// --- host code -----------------------------------------------------------------------------------

constexpr const char* kOp = "softmax of the ladder";

template <class Kernel>
void launch_rows(const Tensor& x, const Tensor& y, const Kernel& kernel, dim3 block,
                 int rows_per_block) {
  const std::int64_t rows = x.dim(0);
  launch(kOp, x, kernel,
         dim3(static_cast<unsigned int>((rows + rows_per_block - 1) / rows_per_block)), block,
         x.data<float>(), rows, x.dim(1), y.data<float>());
}

void run_thread_per_row(const Tensor& x, const Tensor& y) {
  launch_rows(x, y, thread_per_row, dim3(kThreads), kThreads);
}

constexpr int kWarps = kThreads / kWarp;

void run_warp_per_row(const Tensor& x, const Tensor& y) {
  launch_rows(x, y, warp_per_row, dim3(kWarp, kWarps), kWarps);
}

void run_online(const Tensor& x, const Tensor& y) {
  launch_rows(x, y, online, dim3(kWarp, kWarps), kWarps);
}

void run_row_in_registers(const Tensor& x, const Tensor& y) {
  const std::int64_t columns = x.dim(1);
  OSTEON_CHECK(
      columns % kWidth == 0 && columns <= 8 * kWarp * kWidth, kOp, ": input ", x.shape(),
      "; the vectorised version expects a multiple of 4 columns, at most 1024; use another");
  // As many registers as the row needs: a power of two of accesses.
  const auto kernel = columns <= 1 * kWarp * kWidth   ? row_in_registers<1>
                      : columns <= 2 * kWarp * kWidth ? row_in_registers<2>
                      : columns <= 4 * kWarp * kWidth ? row_in_registers<4>
                                                      : row_in_registers<8>;
  launch_rows(x, y, kernel, dim3(kWarp, kWarps), kWarps);
}

}  // namespace

const SoftmaxVersion kSoftmaxVersions[4] = {{"thread per row", run_thread_per_row},
                                            {"warp per row", run_warp_per_row},
                                            {"online", run_online},
                                            {"row in registers", run_row_in_registers}};

}  // namespace osteon::ladder
