// The functors of functors.h over whole tensors, one launch each (tensor/cuda/map.cuh). Memory
// traffic: every operand is read once, even if it is repeated, and every output written once; all
// gradients of an op are computed in one pass. The functors are instantiated in several files,
// which are compiled in parallel.
#pragma once

#include "ops/kernels.h"
#include "tensor/cuda/map.cuh"

namespace osteon::cuda {
namespace {

using namespace functors;

// The functor is passed to the kernel by value, with its parameters.
template <class Functor>
struct Forward {
  Functor functor;
  template <class... A>
  __device__ auto operator()(A... x) const {
    return Results<decltype(functor(x...)), 1>{{functor(x...)}};
  }
};

template <class Functor>
struct Backward {
  Functor functor;
  template <class A, class... Saved>
  __device__ auto operator()(A dy, Saved... saved) const {
    return functor.backward(dy, saved...);
  }
};

// The element type of operand i of a functor over tensors of T.
template <class Functor, class T, std::size_t i>
using Element = std::conditional_t<(i < kConditions<Functor>), std::uint8_t, T>;

template <class T, class Functor, std::size_t... i>
void forward(const Functor& functor, const std::array<Tensor, sizeof...(i)>& inputs,
             const Tensor& y, std::index_sequence<i...>) {
  using To = std::conditional_t<kIsComparison<Functor>, std::uint8_t, T>;
  map<To, 1>(Functor::name, Forward<Functor>{functor}, {y}, Types<Element<Functor, T, i>...>(),
             inputs);
}

template <class T, class Functor, std::size_t... i>
void backward(const Functor& functor, const std::array<Tensor, sizeof...(i)>& saved,
              const Tensor& dy, const std::array<Tensor, functors::kGradients<Functor>>& gradients,
              std::index_sequence<i...>) {
  map<T, kGradients<Functor>>(Functor::name, Backward<Functor>{functor}, gradients,
                              Types<T, Element<Functor, T, i>...>(), {dy, saved[i]...});
}

}  // namespace

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
    backward<T>(functor, saved, dy, gradients, std::make_index_sequence<kSaved<Functor>>());
  });
}

}  // namespace osteon::cuda
