// Loops over the functors of functors.h. Each operand is read once and each result written once.
// The functors are instantiated in several files, which are compiled in parallel.
#pragma once

#include <functional>
#include <tuple>

#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {

using namespace functors;

// A line of the result, elements [first, first + n), and its start in each operand. `step` is the
// increment of an operand: 1, or 0 if one element is repeated.
struct Line {
  static constexpr std::size_t kMaxOperands = 3;
  std::int64_t first, n;
  std::array<const std::byte*, kMaxOperands> from;
  std::array<std::int64_t, kMaxOperands> step;
};

// Calls body(line) until all of the result is covered: with long lines if no operand is repeated,
// else with lines along the last dimension. This code is independent of functors and element types,
// so it is compiled only once.
void for_each_line(const Shape& shape, const Tensors& operands,
                   const std::function<void(const Line&)>& body);

// An operand of a line, with its step as a compile-time constant, so that the loop is vectorised.
template <class T, int step>
struct Operand {
  const T* from;
  auto operator[](std::int64_t i) const {
    if constexpr (std::is_integral_v<T>)
      return from[step * i] != 0;  // a condition
    else
      return static_cast<Accumulator<T>>(from[step * i]);
  }
};

// Calls body(operand...) with operands of element types T.
template <class... T, class Body, class... Operands>
void with_operands(const Line& line, const Body& body, const Operands... operands) {
  constexpr std::size_t k = sizeof...(Operands);
  if constexpr (k == sizeof...(T)) {
    body(operands...);
  } else {
    using Each = std::tuple_element_t<k, std::tuple<T...>>;
    const auto* const from = reinterpret_cast<const Each*>(line.from[k]);
    if (sizeof...(T) == 1 || line.step[k] == 1)  // a single operand is never repeated
      with_operands<T...>(line, body, operands..., Operand<Each, 1>{from});
    else
      with_operands<T...>(line, body, operands..., Operand<Each, 0>{from});
  }
}

// The element type of operand k of a functor over tensors of T.
template <class Functor, class T, std::size_t k>
using Element = std::conditional_t<(k < kConditions<Functor>), std::uint8_t, T>;

// The loops. All calls in them are inlined, without which g++ would not vectorise them; the functor
// is a copy, which the results cannot overwrite.
template <class Functor, class To, class... Operands>
[[gnu::flatten]] void apply(const Functor f, std::int64_t n, To* to, const Operands... x) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = To(f(x[i]...));
}

template <class Functor, class T, std::size_t... r, class... Operands>
[[gnu::flatten]] void apply_backward(const Functor f, std::int64_t n, const T* from,
                                     const std::array<T*, sizeof...(r)> to,
                                     std::index_sequence<r...>, const Operands... x) {
  constexpr bool kAlwaysWanted = sizeof...(r) == 1;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto dx = f.backward(static_cast<Accumulator<T>>(from[i]), x[i]...);
    (..., (kAlwaysWanted || to[r] ? void(to[r][i] = T(dx.at[r])) : void()));
  }
}

template <class T, class Functor, std::size_t... k>
void forward(const Functor& functor, const std::array<Tensor, sizeof...(k)>& inputs,
             const Tensor& y, std::index_sequence<k...>) {
  using To = std::conditional_t<kIsComparison<Functor>, std::uint8_t, T>;
  To* const result = y.data<To>();
  for_each_line(y.shape(), {inputs.begin(), inputs.end()}, [&](const Line& line) {
    with_operands<Element<Functor, T, k>...>(
        line, [&](const auto... x) { apply(functor, line.n, result + line.first, x...); });
  });
}

template <class T, class Functor, std::size_t... k, std::size_t... r>
void backward(const Functor& functor, const std::array<Tensor, sizeof...(k)>& saved,
              const Tensor& dy, const std::array<Tensor, sizeof...(r)>& gradients,
              std::index_sequence<k...>, std::index_sequence<r...> results) {
  const T* const gradient = dy.data<T>();
  T* const result[] = {(gradients[r].defined() ? gradients[r].template data<T>() : nullptr)...};
  // A tensor that was not saved is not read; dy, which has the result's shape, is passed instead.
  for_each_line(dy.shape(), {(saved[k].defined() ? saved[k] : dy)...}, [&](const Line& line) {
    const std::array<T*, sizeof...(r)> to = {(result[r] ? result[r] + line.first : nullptr)...};
    with_operands<Element<Functor, T, k>...>(line, [&](const auto... x) {
      apply_backward(functor, line.n, gradient + line.first, to, results, x...);
    });
  });
}

template <class Functor>
void elementwise_forward(const Functor& functor,
                         const std::array<Tensor, functors::kOperands<Functor>>& inputs,
                         const Tensor& y) {
  dispatch_floating(Functor::name, inputs.back().dtype(), [&]<class T>() {
    forward<T>(functor, inputs, y, std::make_index_sequence<kOperands<Functor>>());
  });
}

template <class Functor>
void elementwise_backward(const Functor& functor,
                          const std::array<Tensor, functors::kSaved<Functor>>& saved,
                          const Tensor& dy,
                          const std::array<Tensor, functors::kGradients<Functor>>& gradients) {
  dispatch_floating(Functor::name, dy.dtype(), [&]<class T>() {
    backward<T>(functor, saved, dy, gradients, std::make_index_sequence<kSaved<Functor>>(),
                std::make_index_sequence<kGradients<Functor>>());
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
