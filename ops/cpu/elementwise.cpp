// Loops over the functors of functors.h.
#include <algorithm>

#include "base/parallel.h"
#include "ops/cpu/broadcast.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrain = 16 * 1024;  // elements that are worth a thread

template <class Functor>
void unary_forward(const char* op, const Tensor& x, const Tensor& y) {
  dispatch_floating(op, x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const T* from = x.data<T>();
    T* to = y.data<T>();
    parallel_for(y.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = T(Functor::f(static_cast<A>(from[i])));
    });
  });
}

template <class Functor>
void unary_backward(const char* op, const Tensor& saved, const Tensor& dy, const Tensor& dx) {
  dispatch_floating(op, dy.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const T *kept = saved.data<T>(), *gradient = dy.data<T>();
    T* to = dx.data<T>();
    parallel_for(dx.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        to[i] = T(static_cast<A>(gradient[i]) * Functor::df(static_cast<A>(kept[i])));
    });
  });
}

// Calls body(a, step_a, b, step_b, first, n) for each line of `large`; an undefined input stands
// still on a zero.
template <class T, class Body>
void for_each_line(const Tensor& a, const Tensor& b, const Tensor& large, const Body& body) {
  static const T zero{};
  const BroadcastLines lines_a(a.defined() ? a.shape() : Shape(), large.shape());
  const BroadcastLines lines_b(b.defined() ? b.shape() : Shape(), large.shape());
  const T* first_a = a.defined() ? a.data<T>() : &zero;
  const T* first_b = b.defined() ? b.data<T>() : &zero;
  const std::int64_t length = lines_a.length();
  parallel_for(lines_a.lines(),
               std::max<std::int64_t>(kGrain / std::max<std::int64_t>(length, 1), 1),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t line = begin; line < end; ++line)
                   body(first_a + lines_a.offset(line), lines_a.step(),
                        first_b + lines_b.offset(line), lines_b.step(), line * length, length);
               });
}

template <class Functor>
void binary_forward(const char* op, const Tensor& a, const Tensor& b, const Tensor& y) {
  dispatch_floating(op, y.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    for_each_line<T>(a, b, y,
                     [&](const T* left, std::int64_t step_left, const T* right,
                         std::int64_t step_right, std::int64_t first, std::int64_t n) {
                       T* to = y.data<T>() + first;
                       for (std::int64_t i = 0; i < n; ++i)
                         to[i] = T(Functor::f(static_cast<A>(left[i * step_left]),
                                              static_cast<A>(right[i * step_right])));
                     });
  });
}

template <class Functor>
void binary_backward(const char* op, const Tensor& a, const Tensor& b, const Tensor& dy,
                     const Tensor& da, const Tensor& db) {
  dispatch_floating(op, dy.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    for_each_line<T>(a, b, dy,
                     [&](const T* left, std::int64_t step_left, const T* right,
                         std::int64_t step_right, std::int64_t first, std::int64_t n) {
                       const T* gradient = dy.data<T>() + first;
                       T* to_a = da.defined() ? da.data<T>() + first : nullptr;
                       T* to_b = db.defined() ? db.data<T>() + first : nullptr;
                       for (std::int64_t i = 0; i < n; ++i) {
                         const A g = static_cast<A>(gradient[i]),
                                 x = static_cast<A>(left[i * step_left]),
                                 y = static_cast<A>(right[i * step_right]);
                         if (to_a) to_a[i] = T(g * Functor::da(x, y));
                         if (to_b) to_b[i] = T(g * Functor::db(x, y));
                       }
                     });
  });
}

}  // namespace

#define OSTEON_CPU_UNARY(op, functor)                                           \
  void op##_forward(const Tensor& x, const Tensor& y) {                         \
    unary_forward<functors::functor>(#op, x, y);                                \
  }                                                                             \
  void op##_backward(const Tensor& saved, const Tensor& dy, const Tensor& dx) { \
    unary_backward<functors::functor>(#op, saved, dy, dx);                      \
  }
OSTEON_UNARY_OPS(OSTEON_CPU_UNARY)

#define OSTEON_CPU_BINARY(op, functor)                                                     \
  void op##_forward(const Tensor& a, const Tensor& b, const Tensor& y) {                   \
    binary_forward<functors::functor>(#op, a, b, y);                                       \
  }                                                                                        \
  void op##_backward(const Tensor& a, const Tensor& b, const Tensor& dy, const Tensor& da, \
                     const Tensor& db) {                                                   \
    binary_backward<functors::functor>(#op, a, b, dy, da, db);                             \
  }
OSTEON_BINARY_OPS(OSTEON_CPU_BINARY)

}  // namespace osteon::cpu::OSTEON_CPU_SET
