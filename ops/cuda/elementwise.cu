// The functors of functors.h over whole tensors, a launch each (tensor/cuda/map.cuh). Bytes moved:
// every input is read once, also where it is repeated, and every output written once; both
// gradients of a binary op come from one pass.
#include "ops/kernels.h"
#include "tensor/cuda/map.cuh"

namespace osteon::cuda {
namespace {

template <class Functor>
struct UnaryForward {
  template <class A>
  __device__ Results<A, 1> operator()(A x) const {
    return {{Functor::f(x)}};
  }
};

template <class Functor>
struct UnaryBackward {
  template <class A>
  __device__ Results<A, 1> operator()(A saved, A dy) const {
    return {{dy * Functor::df(saved)}};
  }
};

template <class Functor>
struct BinaryForward {
  template <class A>
  __device__ Results<A, 1> operator()(A a, A b) const {
    return {{Functor::f(a, b)}};
  }
};

template <class Functor>
struct BinaryBackward {
  template <class A>
  __device__ Results<A, 2> operator()(A a, A b, A dy) const {
    return {{dy * Functor::da(a, b), dy * Functor::db(a, b)}};
  }
};

}  // namespace

#define OSTEON_CUDA_UNARY(op, functor)                                                      \
  void op##_forward(const Tensor& x, const Tensor& y) {                                     \
    dispatch_floating(#op, x.dtype(), [&]<class T>() {                                      \
      map<T, 1>(#op, UnaryForward<functors::functor>(), {y}, Types<T>(), {x});              \
    });                                                                                     \
  }                                                                                         \
  void op##_backward(const Tensor& saved, const Tensor& dy, const Tensor& dx) {             \
    dispatch_floating(#op, dy.dtype(), [&]<class T>() {                                     \
      map<T, 1>(#op, UnaryBackward<functors::functor>(), {dx}, Types<T, T>(), {saved, dy}); \
    });                                                                                     \
  }
OSTEON_UNARY_OPS(OSTEON_CUDA_UNARY)

#define OSTEON_CUDA_BINARY(op, functor)                                                            \
  void op##_forward(const Tensor& a, const Tensor& b, const Tensor& y) {                           \
    dispatch_floating(#op, y.dtype(), [&]<class T>() {                                             \
      map<T, 1>(#op, BinaryForward<functors::functor>(), {y}, Types<T, T>(), {a, b});              \
    });                                                                                            \
  }                                                                                                \
  void op##_backward(const Tensor& a, const Tensor& b, const Tensor& dy, const Tensor& da,         \
                     const Tensor& db) {                                                           \
    dispatch_floating(#op, dy.dtype(), [&]<class T>() {                                            \
      map<T, 2>(#op, BinaryBackward<functors::functor>(), {da, db}, Types<T, T, T>(), {a, b, dy}); \
    });                                                                                            \
  }
OSTEON_BINARY_OPS(OSTEON_CUDA_BINARY)

}  // namespace osteon::cuda
