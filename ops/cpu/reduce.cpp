// Reductions and broadcasting (expand). The input is processed in lines along its last dimension; a
// line is either reduced to one element of the result or added to a line of it. Sums are in double,
// so that a sum of a million f32 terms keeps f32 precision.
#include <algorithm>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "ops/cpu/broadcast.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // minimum elements per thread

std::int64_t grain_lines(const BroadcastLines& lines) {
  return std::max<std::int64_t>(kGrain / std::max<std::int64_t>(lines.length(), 1), 1);
}

// Reduces x to one double per element of y, in per-thread results that are joined in thread order.
template <class T, class Fold>
std::vector<double> fold(const Tensor& x, const Tensor& y, double initial, const Fold& combine) {
  const BroadcastLines lines(y.shape(), x.shape());
  const T* from = x.data<T>();
  const auto size = static_cast<std::size_t>(y.numel());
  std::vector<std::vector<double>> partial(static_cast<std::size_t>(num_threads()));
  const int used = parallel_ranges(
      lines.lines(), grain_lines(lines), [&](int thread, std::int64_t begin, std::int64_t end) {
        std::vector<double> result(size, initial);
        for (std::int64_t line = begin; line < end; ++line) {
          const T* elements = from + line * lines.length();
          double* to = result.data() + lines.offset(line);
          if (lines.step() == 0) {
            double single = *to;
            for (std::int64_t i = 0; i < lines.length(); ++i)
              single =
                  combine(single, static_cast<double>(static_cast<Accumulator<T>>(elements[i])));
            *to = single;
          } else {
            for (std::int64_t i = 0; i < lines.length(); ++i)
              to[i] = combine(to[i], static_cast<double>(static_cast<Accumulator<T>>(elements[i])));
          }
        }
        partial[static_cast<std::size_t>(thread)] = std::move(result);
      });
  std::vector<double> total =
      used == 0 ? std::vector<double>(size, initial) : std::move(partial[0]);
  for (int thread = 1; thread < used; ++thread)
    for (std::size_t i = 0; i < size; ++i)
      total[i] = combine(total[i], partial[static_cast<std::size_t>(thread)][i]);
  return total;
}

template <class T>
void store(const std::vector<double>& values, double scale, const Tensor& y) {
  T* to = y.data<T>();
  for (std::size_t i = 0; i < values.size(); ++i)
    to[i] = T(static_cast<Accumulator<T>>(values[i] * scale));
}

}  // namespace

void reduce_sum(const Tensor& x, double scale, const Tensor& y) {
  dispatch_floating("sum", x.dtype(), [&]<class T>() {
    store<T>(fold<T>(x, y, 0.0, [](double a, double b) { return a + b; }), scale, y);
  });
}

void reduce_max(const Tensor& x, const Tensor& y) {
  dispatch_floating("amax", x.dtype(), [&]<class T>() {
    // A NaN is larger than every number, as in PyTorch; it compares false with everything.
    const auto larger = [](double a, double b) { return a >= b || a != a ? a : b; };
    store<T>(fold<T>(x, y, -std::numeric_limits<double>::infinity(), larger), 1.0, y);
  });
}

void reduce_max_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  dispatch_floating("amax", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const BroadcastLines lines(y.shape(), x.shape());
    const T *from = x.data<T>(), *largest = y.data<T>(), *gradient = dy.data<T>();
    const auto is_largest = [&](std::int64_t i, std::int64_t j) {
      return static_cast<A>(from[i]) == static_cast<A>(largest[j]);
    };
    std::vector<A> count(static_cast<std::size_t>(y.numel()));
    const auto for_each = [&](const auto& visit) {
      for (std::int64_t line = 0; line < lines.lines(); ++line)
        for (std::int64_t i = 0; i < lines.length(); ++i)
          visit(line * lines.length() + i, lines.offset(line) + i * lines.step());
    };
    for_each([&](std::int64_t i, std::int64_t j) {
      if (is_largest(i, j)) count[static_cast<std::size_t>(j)] += A(1);
    });
    for_each([&](std::int64_t i, std::int64_t j) {
      const A share = static_cast<A>(gradient[j]) / count[static_cast<std::size_t>(j)];
      dx.data<T>()[i] = T(is_largest(i, j) ? share : A(0));
    });
  });
}

void expand(const Tensor& x, double scale, const Tensor& y) {
  dispatch_floating("expand", y.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const BroadcastLines lines(x.shape(), y.shape());
    const T* first = x.data<T>();
    parallel_for(lines.lines(), grain_lines(lines), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t line = begin; line < end; ++line) {
        const T* from = first + lines.offset(line);
        T* to = y.data<T>() + line * lines.length();
        for (std::int64_t i = 0; i < lines.length(); ++i)
          to[i] = T(static_cast<A>(from[i * lines.step()]) * static_cast<A>(scale));
      }
    });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
