// Fill, convert and add, one launch each, also to convert many tensors. Memory traffic: fill writes
// n elements; copy reads and writes n; add reads 2n and writes n.
#include "tensor/cuda/elements.h"

#include "tensor/convert.h"
#include "tensor/cuda/map.cuh"
#include "tensor/cuda/table.cuh"
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

template <class To, class From>
__global__ void __launch_bounds__(kThreads) copy_chunks(const __grid_constant__ Table<2> table) {
  const Chunk chunk = chunk_of_block(table);
  To* const to = start_of<To>(table, 0, chunk);
  const From* const from = start_of<From>(table, 1, chunk);
  for_each_pack<kWide<To, From>>(
      chunk,
      [&]<int n>(std::int64_t at) {
        const Pack<From, n> source = load<n>(from + at);
        Pack<To, n> pack;
#pragma unroll
        for (int i = 0; i < n; ++i) pack.at[i] = convert<To>(source.at[i]);
        store<n>(to + at, pack);
      },
      to, from);
}

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

void copy(const Tensors& x, const Tensors& sources) {
  constexpr const char* op = "copy_";
  dispatch_floating(op, x[0].dtype(), [&]<class To>() {
    dispatch_floating(op, sources[0].dtype(), [&]<class From>() {
      for_each_table<2>(
          {&x, &sources}, elements_of, [&](const Table<2>& table, unsigned int chunks) {
            if (chunks == 0) return;
            launch(op, x[0], copy_chunks<To, From>, dim3(chunks), dim3(kThreads), table);
          });
    });
  });
}

void add(const Tensor& x, const Tensor& y) {
  dispatch_floating("add_", x.dtype(), [&]<class T>() {
    map<T, 1>("add_", Plus(), {x}, Types<T, T>(), {x, y});
  });
}

}  // namespace osteon::cuda
