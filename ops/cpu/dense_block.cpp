// The kernels of dense blocks on the CPU: batch norm and ReLU of the first channels of a buffer
// that holds more. Each pass reads and writes only these channels.
#include "base/parallel.h"
#include "ops/cpu/activation.h"
#include "ops/cpu/norm_gradient.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

std::int64_t rows_of(const Tensor& x) { return x.numel() / x.dim(-1); }

template <class T>
void backward(const DenseNormBackward& a) {
  const std::int64_t channels = a.dy.dim(-1), rows = rows_of(a.dy), pitch = a.buffer.dim(-1);
  const ChannelMap<T> map(a.mean, a.inverse_std, a.weight, a.bias);
  const T *const dy = a.dy.data<T>(), *const x = a.buffer.data<T>();
  T* const dx = a.dbuffer.data<T>();
  // Calls body(row, c, count, x, g) for all lanes; g is the gradient before the ReLU.
  const auto for_each = [&](std::int64_t begin, std::int64_t end, const auto& body) {
    for (std::int64_t row = begin; row < end; ++row)
      for_each_lanes<T>(channels, [&](std::int64_t c, auto count) {
        const Lanes<T> value = load(x + row * pitch + c, count);
        const Lanes<T> gradient = load(dy + row * channels + c, count);
        body(row, c, count, value,
             activation_gradient<T>(Activation::relu, gradient, map(value, c)));
      });
  };
  const GradientSums sums = sum_gradients<T>(
      rows, channels,
      [&](std::int64_t first, std::int64_t last, PerChannel<T>& g_sum, PerChannel<T>& gx_sum) {
        for_each(first, last, [&](std::int64_t, std::int64_t c, auto, Lanes<T> value, Lanes<T> g) {
          g_sum.at(c) += g;
          gx_sum.at(c) += g * (value - map.mean.at(c));
        });
      });
  const InputGradient<T> gradient(sums, rows, a.training, a.mean, a.inverse_std, a.weight,
                                  a.dweight, a.dbias);
  parallel_for(
      rows, rows_worth(kGrainElements, channels), [&](std::int64_t begin, std::int64_t end) {
        for_each(begin, end,
                 [&](std::int64_t row, std::int64_t c, auto count, Lanes<T> value, Lanes<T> g) {
                   T* const to = dx + row * pitch + c;
                   store(to, load(to, count) + gradient(g, value, c), count);
                 });
      });
}

}  // namespace

void dense_norm_forward(const Tensor& buffer, const Tensor& mean, const Tensor& inverse_std,
                        const Tensor& weight, const Tensor& bias, const Tensor& y) {
  dispatch_floating("dense_block", buffer.dtype(), [&]<class T>() {
    const std::int64_t channels = y.dim(-1), pitch = buffer.dim(-1);
    const ChannelMap<T> map(mean, inverse_std, weight, bias);
    const T* const from = buffer.data<T>();
    T* const to = y.data<T>();
    parallel_for(rows_of(y), rows_worth(kGrainElements, channels),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t row = begin; row < end; ++row)
                     for_each_lanes<T>(channels, [&](std::int64_t c, auto count) {
                       const Lanes<T> value = map(load(from + row * pitch + c, count), c);
                       store(to + row * channels + c, activated<T>(Activation::relu, value), count);
                     });
                 });
  });
}

void dense_norm_backward(const DenseNormBackward& arguments) {
  dispatch_floating("dense_block", arguments.dy.dtype(),
                    [&]<class T>() { backward<T>(arguments); });
}

void move_running_statistics(const Tensor& mean, const Tensor& var, double momentum,
                             const Tensor& running_mean, const Tensor& running_var) {
  dispatch_floating("dense_block", mean.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const auto move = [&](const Tensor& batch, const Tensor& running) {
      const A* const from = batch.data<A>();
      A* const to = running.data<A>();
      for (std::int64_t c = 0; c < running.numel(); ++c)
        to[c] = static_cast<A>((1 - momentum) * static_cast<double>(to[c]) +
                               momentum * static_cast<double>(from[c]));
    };
    move(mean, running_mean);
    move(var, running_var);
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
