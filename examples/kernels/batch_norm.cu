// Batch norm in training with ReLU, over the rows of x [rows, channels], in four versions. An image
// batch [N, H, W, C] is N H W rows. M = rows * channels numbers of 4 bytes; the bytes that the
// threads ask for, and the bytes that move if no cache keeps anything, are in units of 4 M. A
// warp's access moves whole sectors of 32 bytes. ReLU alone reads and writes once.
//
//   version                  launches   asked: read  written   moved: read  written
//   block per channel               2             4        2            25        9
//   threads along channels          2             4        2             4        2
//   sums of blocks                  4             7        2             7        2
//   constants in registers          3             2        1             2        1
//
// Sums of blocks: x twice, for each element also the four numbers of its channel, then ReLU. The
// parts and the constants that a thread keeps add less than 0.2.
// tests/cuda_emulator/kernel_ladder_test.cpp counts the bytes.
#include <cmath>

#include "base/error.h"
#include "examples/kernels/access.cuh"
#include "examples/kernels/ladder.h"

namespace osteon::ladder {
namespace {

using cuda::kThreads;
using cuda::launch;

constexpr const char* kOp = "batch_norm of the ladder";
constexpr int kDown = kThreads / kWarp;

// The number of equal pieces of `size` that cover `work`.
unsigned int pieces(std::int64_t work, std::int64_t size) {
  return static_cast<unsigned int>((work + size - 1) / size);
}

// What is known of each channel, [channels] each.
struct Channels {
  const float *mean, *inverse_std, *weight, *bias;
};

Channels channels_of(const BatchNormCall& call) {
  return {call.mean.data<float>(), call.inverse_std.data<float>(), call.weight.data<float>(),
          call.bias.data<float>()};
}

__global__ void __launch_bounds__(kThreads) relu(std::int64_t elements, float* y) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < elements) store(y + i, max(load(y + i), 0.0F));
}

void launch_relu(const BatchNormCall& call) {
  const std::int64_t elements = call.y.numel();
  launch(kOp, call.y, relu, dim3(pieces(elements, kThreads)), dim3(kThreads), elements,
         call.y.data<float>());
}

// --- 1 and 2: one pass for each statistic --------------------------------------------------------

// The sum over the threads of this thread's column of the block. All threads of the block call it.
__device__ float sum_of_column(float value) {
  __shared__ float values[kThreads];
  const unsigned int thread = threadIdx.y * blockDim.x + threadIdx.x;
  __syncthreads();  // another thread may still read the result of the previous call
  values[thread] = value;
  for (unsigned int half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) values[thread] += values[thread + half * blockDim.x];
  }
  __syncthreads();
  return values[threadIdx.x];
}

// Block: (channels, rows); a block has all rows of its channels.
__global__ void __launch_bounds__(kThreads)
    two_passes(const float* x, std::int64_t rows, std::int64_t channels, const float* weight,
               const float* bias, float epsilon, float* mean, float* inverse_std, float* y) {
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t mine = c < channels ? rows : 0;  // the others only take part in barriers
  float sum = 0, squares = 0;
  for (std::int64_t row = threadIdx.y; row < mine; row += blockDim.y)
    sum += load(x + row * channels + c);
  const float mean_c = sum_of_column(sum) / static_cast<float>(rows);
  for (std::int64_t row = threadIdx.y; row < mine; row += blockDim.y) {
    const float deviation = load(x + row * channels + c) - mean_c;
    squares += deviation * deviation;
  }
  const float variance = sum_of_column(squares) / static_cast<float>(rows);
  if (mine == 0) return;
  const float inverse = 1 / std::sqrt(variance + epsilon);
  const float scale = load(weight + c) * inverse, shift = load(bias + c);
  for (std::int64_t row = threadIdx.y; row < mine; row += blockDim.y)
    store(y + row * channels + c, (load(x + row * channels + c) - mean_c) * scale + shift);
  if (threadIdx.y != 0) return;
  store(mean + c, mean_c);
  store(inverse_std + c, inverse);
}

void run_two_passes(const BatchNormCall& call, dim3 block) {
  const std::int64_t channels = call.x.dim(1);
  launch(kOp, call.x, two_passes, dim3(pieces(channels, block.x)), block, call.x.data<float>(),
         call.x.dim(0), channels, call.weight.data<float>(), call.bias.data<float>(), call.epsilon,
         call.mean.data<float>(), call.inverse_std.data<float>(), call.y.data<float>());
  launch_relu(call);
}

void run_block_per_channel(const BatchNormCall& call) { run_two_passes(call, dim3(1, kThreads)); }

void run_threads_along_channels(const BatchNormCall& call) {
  run_two_passes(call, dim3(kWarp, kDown));
}

// --- 3: sums of blocks, then a second stage ------------------------------------------------------

// Of some numbers of a channel: how many they are, their mean, and the sum of the squares of their
// distances from it.
struct Moments {
  float count, mean, squares;
};

__device__ Moments merge(Moments a, Moments b) {
  if (b.count == 0) return a;
  const float count = a.count + b.count, share = b.count / count, delta = b.mean - a.mean;
  return {count, a.mean + delta * share, a.squares + b.squares + delta * delta * a.count * share};
}

// The moments of this thread's column of the block, in the first row of the block.
template <int n>
__device__ void merge_column(Moments (&moments)[n]) {
  __shared__ Moments of_threads[n][kThreads];
  const unsigned int thread = threadIdx.y * blockDim.x + threadIdx.x;
  for (int i = 0; i < n; ++i) of_threads[i][thread] = moments[i];
  for (unsigned int half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y >= half) continue;
    for (int i = 0; i < n; ++i) {
      moments[i] = merge(moments[i], of_threads[i][thread + half * blockDim.x]);
      of_threads[i][thread] = moments[i];
    }
  }
}

// How the rows are divided: a function of the shape alone, and so are the bits of the sums.
struct Division {
  std::int64_t rows_per_part, parts;

  explicit Division(std::int64_t rows)
      : rows_per_part(std::max<std::int64_t>(256, (rows + 1023) / 1024)),
        parts((rows + rows_per_part - 1) / rows_per_part) {}
  __device__ std::int64_t begin(std::int64_t part) const { return part * rows_per_part; }
  __device__ std::int64_t end(std::int64_t part, std::int64_t rows) const {
    return min(rows, (part + 1) * rows_per_part);
  }
};

// means[part, c] and squares[part, c] of one part of the rows. Block: (channels, rows). Grid:
// (channels, parts).
__global__ void __launch_bounds__(kThreads)
    moments_of_parts(const float* x, std::int64_t rows, std::int64_t channels, Division division,
                     float* means, float* squares) {
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t part = blockIdx.y, end = c < channels ? division.end(part, rows) : 0;
  Moments moments[1] = {};
  for (std::int64_t row = division.begin(part) + threadIdx.y; row < end; row += blockDim.y)
    moments[0] = merge(moments[0], {1, load(x + row * channels + c), 0});
  merge_column(moments);
  if (threadIdx.y != 0 || c >= channels) return;
  store(means + part * channels + c, moments[0].mean);
  store(squares + part * channels + c, moments[0].squares);
}

// The second stage: one thread a channel merges the parts, in their order.
__global__ void __launch_bounds__(kThreads)
    merge_parts(const float* means, const float* squares, std::int64_t rows, std::int64_t channels,
                Division division, float epsilon, float* mean, float* inverse_std) {
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= channels) return;
  Moments all{};
  for (std::int64_t part = 0; part < division.parts; ++part) {
    const auto count = static_cast<float>(division.end(part, rows) - division.begin(part));
    all =
        merge(all, {count, load(means + part * channels + c), load(squares + part * channels + c)});
  }
  store(mean + c, all.mean);
  store(inverse_std + c, 1 / std::sqrt(all.squares / all.count + epsilon));
}

__global__ void __launch_bounds__(kThreads)
    normalise(const float* x, std::int64_t elements, std::int64_t channels, Channels of, float* y) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= elements) return;
  const std::int64_t c = i % channels;
  const float scale = load(of.weight + c) * load(of.inverse_std + c);
  store(y + i, (load(x + i) - load(of.mean + c)) * scale + load(of.bias + c));
}

// Both stages; first_stage(division, means, squares) launches the first.
template <class FirstStage>
void compute_statistics(const BatchNormCall& call, const FirstStage& first_stage) {
  const std::int64_t rows = call.x.dim(0), channels = call.x.dim(1);
  const Division division(rows);
  const Tensor parts({2, division.parts, channels}, DType::f32, call.x.device());
  float *const means = parts.data<float>(), *const squares = means + division.parts * channels;
  first_stage(division, means, squares);
  launch(kOp, call.x, merge_parts, dim3(pieces(channels, kThreads)), dim3(kThreads), means, squares,
         rows, channels, division, call.epsilon, call.mean.data<float>(),
         call.inverse_std.data<float>());
}

void run_sums_of_blocks(const BatchNormCall& call) {
  const std::int64_t channels = call.x.dim(1), elements = call.x.numel();
  compute_statistics(call, [&](const Division& division, float* means, float* squares) {
    launch(kOp, call.x, moments_of_parts,
           dim3(pieces(channels, kWarp), static_cast<unsigned int>(division.parts)),
           dim3(kWarp, kDown), call.x.data<float>(), call.x.dim(0), channels, division, means,
           squares);
  });
  launch(kOp, call.x, normalise, dim3(pieces(elements, kThreads)), dim3(kThreads),
         call.x.data<float>(), elements, channels, channels_of(call), call.y.data<float>());
  launch_relu(call);
}

// --- 4: 16 bytes an access, constants in registers, one pass for the result ----------------------

constexpr int kRows = 4;            // rows that a thread keeps in registers
constexpr int kRowsPerThread = 32;  // that share a load of the channels' constants

// The moments of channels [c, c + 4) over the rows first, first + step, ..., at most kRows of them:
// the numbers are read once and kept, so mean and squares have a pass each.
__device__ void add_rows(const float* x, std::int64_t first, std::int64_t end,
                         std::int64_t channels, std::int64_t c, Moments (&moments)[kWidth]) {
  const std::int64_t step = blockDim.y;
  Four values[kRows];
  int count = 0;
#pragma unroll
  for (int k = 0; k < kRows; ++k)
    if (first + k * step < end) {
      values[k] = load(fours(x + (first + k * step) * channels + c));
      ++count;
    }
  const auto size = static_cast<float>(count);
  for (int i = 0; i < kWidth; ++i) {
    float sum = 0, squares = 0;
#pragma unroll
    for (int k = 0; k < kRows; ++k) sum += k < count ? values[k].at[i] : 0;
    const float mean = sum / size;
#pragma unroll
    for (int k = 0; k < kRows; ++k) {
      const float deviation = k < count ? values[k].at[i] - mean : 0;
      squares += deviation * deviation;
    }
    moments[i] = merge(moments[i], {size, mean, squares});
  }
}

// As moments_of_parts, with four channels a thread.
__global__ void __launch_bounds__(kThreads)
    moments_of_parts_by_four(const float* x, std::int64_t rows, std::int64_t channels,
                             Division division, float* means, float* squares) {
  const std::int64_t c = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * kWidth;
  const std::int64_t part = blockIdx.y, end = c < channels ? division.end(part, rows) : 0;
  Moments moments[kWidth] = {};
  for (std::int64_t row = division.begin(part) + threadIdx.y; row < end; row += kRows * blockDim.y)
    add_rows(x, row, end, channels, c, moments);
  merge_column(moments);
  if (threadIdx.y != 0 || c >= channels) return;
  Four mean, square;
  for (int i = 0; i < kWidth; ++i) {
    mean.at[i] = moments[i].mean;
    square.at[i] = moments[i].squares;
  }
  store(fours(means + part * channels + c), mean);
  store(fours(squares + part * channels + c), square);
}

// Block: (channels, rows). A thread keeps its four channels' constants for all of its rows.
__global__ void __launch_bounds__(kThreads)
    normalise_with_relu(const float* x, std::int64_t rows, std::int64_t channels, Channels of,
                        float* y) {
  const std::int64_t c = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * kWidth;
  if (c >= channels) return;
  const Four mean = load(fours(of.mean + c)), inverse_std = load(fours(of.inverse_std + c));
  const Four weight = load(fours(of.weight + c)), bias = load(fours(of.bias + c));
  const std::int64_t step = std::int64_t{gridDim.y} * blockDim.y;
  for (std::int64_t row = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y; row < rows;
       row += step) {
    Four values = load(fours(x + row * channels + c));
    for (int i = 0; i < kWidth; ++i) {
      const float scale = weight.at[i] * inverse_std.at[i];
      values.at[i] = max((values.at[i] - mean.at[i]) * scale + bias.at[i], 0.0F);
    }
    store(fours(y + row * channels + c), values);
  }
}

void run_constants_in_registers(const BatchNormCall& call) {
  const std::int64_t rows = call.x.dim(0), channels = call.x.dim(1);
  OSTEON_CHECK(channels % kWidth == 0, kOp, ": input ", call.x.shape(),
               "; the vectorised version expects a multiple of 4 channels; use another");
  const int across = cuda::threads_for(channels / kWidth, kWarp), down = kThreads / across;
  const dim3 block(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
  const unsigned int tiles = pieces(channels / kWidth, across);
  compute_statistics(call, [&](const Division& division, float* means, float* squares) {
    launch(kOp, call.x, moments_of_parts_by_four,
           dim3(tiles, static_cast<unsigned int>(division.parts)), block, call.x.data<float>(),
           rows, channels, division, means, squares);
  });
  const unsigned int blocks = std::min(pieces(rows, std::int64_t{down} * kRowsPerThread), 1024U);
  launch(kOp, call.x, normalise_with_relu, dim3(tiles, blocks), block, call.x.data<float>(), rows,
         channels, channels_of(call), call.y.data<float>());
}

}  // namespace

const BatchNormVersion kBatchNormVersions[4] = {
    {"block per channel", run_block_per_channel},
    {"threads along channels", run_threads_along_channels},
    {"sums of blocks", run_sums_of_blocks},
    {"constants in registers", run_constants_in_registers}};

}  // namespace osteon::ladder
