// Fill, convert and add, one launch each. Memory traffic: fill writes n elements; copy reads and
// writes n; add reads 2n and writes n.
#include "tensor/cuda/elements.h"

#include "tensor/convert.h"
#include "tensor/cuda/map.cuh"
#include "tensor/cuda/transfer.h"

namespace osteon::cuda {
namespace {

template <class A>
struct Constant {
  A value;
  __device__ Results<A, 1> operator()() const { return {{value}}; }
};

struct Same {
  template <class A>
  __device__ Results<A, 1> operator()(A x) const {
    return {{x}};
  }
};

struct Plus {
  template <class A>
  __device__ Results<A, 1> operator()(A x, A y) const {
    return {{x + y}};
  }
};

}  // namespace

void fill(const Tensor& x, double value) {
  dispatch_any("fill_", x.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    map<T, 1>("fill_", Constant<A>{static_cast<A>(convert<T>(value))}, {x}, Types<>(), {});
  });
}

void copy(const Tensor& x, const Tensor& source) {
  if (x.dtype() == source.dtype()) return transfer(x, source);
  dispatch_any("copy_", x.dtype(), [&]<class To>() {
    dispatch_any("copy_", source.dtype(), [&]<class From>() {
      if constexpr (!std::is_same_v<To, From>)
        map<To, 1>("copy_", Same(), {x}, Types<From>(), {source});
    });
  });
}

void add(const Tensor& x, const Tensor& y) {
  dispatch_floating("add_", x.dtype(), [&]<class T>() {
    map<T, 1>("add_", Plus(), {x}, Types<T, T>(), {x, y});
  });
}

}  // namespace osteon::cuda
