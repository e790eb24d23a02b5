// Parameter updates with one launch for all parameters of a group (tensor/cuda/table.cuh). The
// device reads learning rate, step counts and guard.
//
// Memory traffic per f32 element, in bytes: Adam 28 (reads p, g, m, v; writes p, m, v), SGD 20, the
// norm of the gradients 4, clipping another 8.
#include <cmath>
#include <limits>

#include "ops/cuda/device/block_reduce.cuh"
#include "ops/kernels.h"
#include "tensor/cuda/table.cuh"

namespace osteon::cuda {
namespace {

__device__ inline bool is_not_finite(const double* guard) {
  return guard != nullptr && !(std::abs(*guard) <= std::numeric_limits<double>::max());
}

enum AdamList { kAdamParameter, kAdamGradient, kAdamFirst, kAdamSecond, kAdamStep, kAdamLists };

// The factors of one parameter's update that depend on its step t.
template <class T>
struct StepFactors {
  T step_size;                 // learning_rate / (1 - beta1^t)
  T inverse_sqrt_correction2;  // 1 / sqrt(1 - beta2^t)
};

// Counts a step of each parameter and computes its factors, in one block.
template <class T>
__global__ void __launch_bounds__(kThreads)
    advance_steps(const __grid_constant__ Table<kAdamLists> table, const double* learning_rate,
                  const double* guard, AdamOptions options, StepFactors<T>* factors) {
  if (is_not_finite(guard)) return;
  for (unsigned int i = threadIdx.x; i < static_cast<unsigned int>(table.count); i += blockDim.x) {
    const double step = ++*static_cast<double*>(table.data[kAdamStep][i]);
    factors[i] = {T(*learning_rate / (1 - std::pow(options.beta1, step))),
                  T(1 / std::sqrt(1 - std::pow(options.beta2, step)))};
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    adam_chunks(const __grid_constant__ Table<kAdamLists> table, const double* learning_rate,
                const double* guard, double weight_decay, AdamOptions options,
                const StepFactors<T>* factors) {
  if (is_not_finite(guard)) return;
  const Chunk chunk = chunk_of_block(table);
  const T step_size = factors[chunk.item].step_size;
  const T inverse_sqrt_correction2 = factors[chunk.item].inverse_sqrt_correction2;
  const double rate = *learning_rate;
  const T keep1 = T(1 - options.beta1), beta2 = T(options.beta2), keep2 = T(1 - options.beta2);
  const T epsilon = T(options.epsilon);
  const T shrink = T(1 - (options.decoupled ? rate * weight_decay : 0));
  const T penalty = T(options.decoupled ? 0 : weight_decay);
  T* const parameter = start_of<T>(table, kAdamParameter, chunk);
  const T* const gradient = start_of<T>(table, kAdamGradient, chunk);
  T* const exp_avg = start_of<T>(table, kAdamFirst, chunk);
  T* const exp_avg_sq = start_of<T>(table, kAdamSecond, chunk);
  for_each_pack<kPack<T>>(
      chunk,
      [&]<int n>(std::int64_t at) {
        Pack<T, n> p = load<n>(parameter + at), m = load<n>(exp_avg + at);
        Pack<T, n> v = load<n>(exp_avg_sq + at);
        const Pack<T, n> g = load<n>(gradient + at);
#pragma unroll
        for (int i = 0; i < n; ++i) {
          const T slope = g.at[i] + penalty * p.at[i];
          m.at[i] += keep1 * (slope - m.at[i]);
          v.at[i] = beta2 * v.at[i] + keep2 * (slope * slope);
          p.at[i] = shrink * p.at[i] -
                    step_size * m.at[i] / (std::sqrt(v.at[i]) * inverse_sqrt_correction2 + epsilon);
        }
        store<n>(parameter + at, p);
        store<n>(exp_avg + at, m);
        store<n>(exp_avg_sq + at, v);
      },
      parameter, gradient, exp_avg, exp_avg_sq);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    sgd_chunks(const __grid_constant__ Table<3> table, const double* learning_rate,
               const double* guard, double weight_decay, SGDOptions options) {
  if (is_not_finite(guard)) return;
  const Chunk chunk = chunk_of_block(table);
  const T rate = T(*learning_rate), penalty = T(weight_decay), momentum = T(options.momentum);
  T* const parameter = start_of<T>(table, 0, chunk);
  const T* const gradient = start_of<T>(table, 1, chunk);
  T* const buffer = start_of<T>(table, 2, chunk);
  for_each_pack<kPack<T>>(
      chunk,
      [&]<int n>(std::int64_t at) {
        Pack<T, n> p = load<n>(parameter + at), b = load<n>(buffer + at);
        const Pack<T, n> g = load<n>(gradient + at);
#pragma unroll
        for (int i = 0; i < n; ++i) {
          const T slope = g.at[i] + penalty * p.at[i];
          b.at[i] = momentum * b.at[i] + slope;
          p.at[i] -= rate * (options.nesterov ? slope + momentum * b.at[i] : b.at[i]);
        }
        store<n>(parameter + at, p);
        store<n>(buffer + at, b);
      },
      parameter, gradient, buffer);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    average_chunks(const __grid_constant__ Table<2> table, T share) {
  const Chunk chunk = chunk_of_block(table);
  T* const average = start_of<T>(table, 0, chunk);
  const T* const value = start_of<T>(table, 1, chunk);
  for_each_pack<kPack<T>>(
      chunk,
      [&]<int n>(std::int64_t at) {
        Pack<T, n> a = load<n>(average + at);
        const Pack<T, n> v = load<n>(value + at);
#pragma unroll
        for (int i = 0; i < n; ++i) a.at[i] += share * (v.at[i] - a.at[i]);
        store<n>(average + at, a);
      },
      average, value);
}

// sums[chunk] = the sum of squares of one chunk.
template <class T>
__global__ void __launch_bounds__(kThreads)
    squares_of_chunks(const __grid_constant__ Table<1> table, double* sums) {
  const Chunk chunk = chunk_of_block(table);
  const T* const gradient = start_of<T>(table, 0, chunk);
  double sum = 0;
  for_each_pack<kPack<T>>(
      chunk,
      [&]<int n>(std::int64_t at) {
        const Pack<T, n> g = load<n>(gradient + at);
#pragma unroll
        for (int i = 0; i < n; ++i) {
          const auto wide = static_cast<double>(g.at[i]);
          sum += wide * wide;
        }
      },
      gradient);
  sum = combine_along_x(sum, Sum());
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// norm = sqrt(sum of sums), computed by one block.
__global__ void __launch_bounds__(kThreads)
    root_of_sum(const double* sums, std::int64_t count, double* norm) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += sums[i];
  sum = combine_along_x(sum, Sum());
  if (threadIdx.x == 0) *norm = std::sqrt(sum);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    scale_chunks(const __grid_constant__ Table<1> table, const double* norm, double max_norm) {
  const T factor = T(max_norm / (*norm + 1e-6));
  if (is_not_finite(norm) || factor >= T(1)) return;
  const Chunk chunk = chunk_of_block(table);
  T* const gradient = start_of<T>(table, 0, chunk);
  for_each_pack<kPack<T>>(
      chunk,
      [&]<int n>(std::int64_t at) {
        Pack<T, n> g = load<n>(gradient + at);
#pragma unroll
        for (int i = 0; i < n; ++i) g.at[i] *= factor;
        store<n>(gradient + at, g);
      },
      gradient);
}

// tensors <- kept, as bytes.
__global__ void __launch_bounds__(kThreads)
    restore_chunks(const __grid_constant__ Table<2> table, const double* guard) {
  if (!is_not_finite(guard)) return;
  const Chunk chunk = chunk_of_block(table);
  std::uint8_t* const to = start_of<std::uint8_t>(table, 0, chunk);
  const std::uint8_t* const from = start_of<std::uint8_t>(table, 1, chunk);
  for_each_pack<kPack<std::uint8_t>>(
      chunk, [&]<int n>(std::int64_t at) { store<n>(to + at, load<n>(from + at)); }, to, from);
}

// Calls body.operator()<T>() for the dtypes of parameters.
template <class Body>
void dispatch_parameters(const char* op, DType dtype, const Body& body) {
  if (dtype == DType::f64) return body.template operator()<double>();
  OSTEON_CHECK(dtype == DType::f32, op, ": parameters are ", dtype, "; keep them in f32 or f64");
  body.template operator()<float>();
}

}  // namespace

void adam_step(const Tensors& parameters, const Tensors& gradients, const Tensors& exp_avg,
               const Tensors& exp_avg_sq, const Tensors& steps, const Tensor& learning_rate,
               const Tensor& guard, double weight_decay, const AdamOptions& options) {
  const std::array<const Tensors*, kAdamLists> lists{&parameters, &gradients, &exp_avg, &exp_avg_sq,
                                                     &steps};
  dispatch_parameters("adam_step", parameters[0].dtype(), [&]<class T>() {
    for_each_table<kAdamLists>(
        lists, elements_of, [&](const Table<kAdamLists>& table, unsigned int chunks) {
          const Tensor memory({table.count, 2}, dtype_of<T>(), learning_rate.device());
          auto* const factors = reinterpret_cast<StepFactors<T>*>(memory.data<T>());
          launch("adam_step", learning_rate, advance_steps<T>, dim3(1), dim3(kThreads), table,
                 learning_rate.data<double>(), guard.data_or_null<double>(), options, factors);
          if (chunks == 0) return;
          launch("adam_step", learning_rate, adam_chunks<T>, dim3(chunks), dim3(kThreads), table,
                 learning_rate.data<double>(), guard.data_or_null<double>(), weight_decay, options,
                 factors);
        });
  });
}

void sgd_step(const Tensors& parameters, const Tensors& gradients, const Tensors& momentum_buffers,
              const Tensor& learning_rate, const Tensor& guard, double weight_decay,
              const SGDOptions& options) {
  dispatch_parameters("sgd_step", parameters[0].dtype(), [&]<class T>() {
    for_each_table<3>({&parameters, &gradients, &momentum_buffers}, elements_of,
                      [&](const Table<3>& table, unsigned int chunks) {
                        if (chunks == 0) return;
                        launch("sgd_step", learning_rate, sgd_chunks<T>, dim3(chunks),
                               dim3(kThreads), table, learning_rate.data<double>(),
                               guard.data_or_null<double>(), weight_decay, options);
                      });
  });
}

void average_step(const Tensors& averages, const Tensors& values, double decay) {
  dispatch_parameters("average_step", averages[0].dtype(), [&]<class T>() {
    for_each_table<2>({&averages, &values}, elements_of,
                      [&](const Table<2>& table, unsigned int chunks) {
                        if (chunks == 0) return;
                        launch("average_step", averages[0], average_chunks<T>, dim3(chunks),
                               dim3(kThreads), table, T(1 - decay));
                      });
  });
}

void clip_grad_norm(const Tensors& gradients, double max_norm, const Tensor& norm) {
  constexpr const char* op = "clip_grad_norm";
  std::int64_t count = 0;
  for (const Tensor& gradient : gradients) count += (gradient.numel() + kChunk - 1) / kChunk;
  const Tensor sums({count}, DType::f64, norm.device());
  dispatch_parameters(op, gradients[0].dtype(), [&]<class T>() {
    std::int64_t done = 0;
    for_each_table<1>({&gradients}, elements_of, [&](const Table<1>& table, unsigned int chunks) {
      if (chunks == 0) return;
      launch(op, norm, squares_of_chunks<T>, dim3(chunks), dim3(kThreads), table,
             sums.data<double>() + done);
      done += chunks;
    });
    launch(op, norm, root_of_sum, dim3(1), dim3(kThreads), sums.data<double>(), count,
           norm.data<double>());
    if (!std::isfinite(max_norm)) return;
    for_each_table<1>({&gradients}, elements_of, [&](const Table<1>& table, unsigned int chunks) {
      if (chunks == 0) return;
      launch(op, norm, scale_chunks<T>, dim3(chunks), dim3(kThreads), table, norm.data<double>(),
             max_norm);
    });
  });
}

void restore_unless_finite(const Tensor& guard, const Tensors& kept, const Tensors& tensors) {
  for_each_table<2>({&tensors, &kept}, bytes_of, [&](const Table<2>& table, unsigned int chunks) {
    if (chunks == 0) return;
    launch("restore_unless_finite", guard, restore_chunks, dim3(chunks), dim3(kThreads), table,
           guard.data<double>());
  });
}

}  // namespace osteon::cuda
