// Elementwise kernels: y = f(a, b, ...). An operand with extent 1 is repeated (broadcasting). Each
// operand is read once and each result written once, vectorised to 16 bytes if aligned; no element
// needs a division.
//
// A result is treated as a matrix. Its columns are the innermost dimensions that all operands share
// (all dimensions if all have the result's shape; the channels if one operand is a vector of
// channels). Its rows are the remaining dimensions.
#pragma once

#include <array>
#include <tuple>

#include "tensor/convert.h"
#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"
#include "tensor/cuda/walk.cuh"

namespace osteon::cuda {

// An input: its elements along a row of the result, and the start of each row. An undefined tensor
// is a repeated 0.
template <class T>
struct Operand {
  const T* data;
  Walk rows;
  bool moves;  // along a row; otherwise one element is repeated for the whole row

  template <int n>
  __device__ Pack<Accumulator<T>, n> load_at(std::int64_t row_offset, std::int64_t column) const {
    using A = Accumulator<T>;
    Pack<A, n> values;
    if (moves) {
      const Pack<T, n> pack = load<n>(data + row_offset + column);
#pragma unroll
      for (int i = 0; i < n; ++i) values.at[i] = static_cast<A>(pack.at[i]);
    } else {
      const A value = data == nullptr ? A(0) : static_cast<A>(data[row_offset]);
#pragma unroll
      for (int i = 0; i < n; ++i) values.at[i] = value;
    }
    return values;
  }
};

// The values of a function with several results.
template <class R, int count>
struct Results {
  R at[count];
};

// Destinations of the results; nullptr if a result is not needed.
template <class T, int count>
struct Destinations {
  T* at[count];
};

// Computes n columns of a row from vectors of all operands.
template <int n, class Function, class To, int results, class... A>
__device__ void apply(const Function& function, const Destinations<To, results>& destinations,
                      std::int64_t first, const Pack<A, n>&... values) {
  Pack<To, n> packs[results];
#pragma unroll
  for (int i = 0; i < n; ++i) {
    const auto result = function(values.at[i]...);
#pragma unroll
    for (int r = 0; r < results; ++r) packs[r].at[i] = narrowed<To>(result.at[r]);
  }
#pragma unroll
  for (int r = 0; r < results; ++r)
    if (destinations.at[r] != nullptr) store<n>(destinations.at[r] + first, packs[r]);
}

// Block: (columns, rows). A thread computes `width` columns at a time: n of them from vectors, or a
// single one, so that one kernel serves aligned and other operands. With vectors, only the last one
// may be incomplete, and only if there is one row.
template <int n, class Function, class To, int results, class... From>
__global__ void __launch_bounds__(kThreads)
    map_kernel(std::int64_t rows, std::int64_t columns, int width, Function function,
               Destinations<To, results> destinations,
               const __grid_constant__ Operand<From>... operands) {
  const std::int64_t row_step = std::int64_t{gridDim.y} * blockDim.y;
  const std::int64_t column_step = std::int64_t{gridDim.x} * blockDim.x * width;
  const std::int64_t first = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * width;
  for (std::int64_t row = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y; row < rows;
       row += row_step)
    [&](auto... offsets) {
      for (std::int64_t column = first; column < columns; column += column_step)
        if (width == n && column + n <= columns)
          apply<n>(function, destinations, row * columns + column,
                   operands.template load_at<n>(offsets, column)...);
        else
          for (std::int64_t rest = column; rest < min(column + width, columns); ++rest)
            apply<1>(function, destinations, row * columns + rest,
                     operands.template load_at<1>(offsets, rest)...);
    }(operands.rows.offset(row)...);
}

// The result as a matrix.
struct MapShape {
  std::int64_t rows = 1, columns = 1;
};

// Position of an operand's elements relative to the result.
struct OperandLayout {
  Shape shape;
  Walk rows;
  bool moves = false;       // along the columns
  bool moves_here = false;  // in the current dimension
  std::int64_t stride = 1;  // of the current dimension
};

// Computes the layout of operands whose shapes broadcast to `shape`, the result's shape.
template <std::size_t count>
MapShape lay_out(const char* op, const Shape& shape, std::array<OperandLayout, count>& operands) {
  MapShape result;
  bool inside = true, first = true;  // inside: all dimensions so far are columns
  for (std::int64_t d = 1; d <= shape.rank(); ++d) {
    const std::int64_t extent = shape[-d];
    if (extent == 1) continue;
    for (OperandLayout& each : operands) {
      each.moves_here = d <= each.shape.rank() && each.shape[-d] == extent;
      if (first) each.moves = each.moves_here;
      inside = inside && each.moves == each.moves_here;
    }
    first = false;
    (inside ? result.columns : result.rows) *= extent;
    for (OperandLayout& each : operands) {
      if (!inside) each.rows.add_outer(op, extent, each.moves_here ? each.stride : 0);
      if (each.moves_here) each.stride *= extent;
    }
  }
  return result;
}

template <class...>
struct Types {};

// Elements per access: a full access of the smallest type, but at most two accesses of the largest.
template <class... T>
constexpr int kWide = static_cast<int>(std::min(kMaxAccessBytes / std::min({sizeof(T)...}),
                                                2 * kMaxAccessBytes / std::max({sizeof(T)...})));

// The launch of map(). From and i are in one parameter list, because nvcc 12 does not expand them
// together if one is a lambda's.
template <class To, int results, class... From, class Function, std::size_t... i>
void launch_map(const char* op, const Function& function, const Tensor& wanted,
                const MapShape& shape, const Destinations<To, results>& destinations,
                bool vectorised, Types<From...>, const std::array<Tensor, sizeof...(From)>& from,
                const std::array<OperandLayout, sizeof...(From)>& layouts,
                std::index_sequence<i...>) {
  constexpr int kPacked = kWide<To, From...>;
  vectorised = vectorised && (... && (!layouts[i].moves || is_aligned<From, kPacked>(from[i])));
  const int width = vectorised ? kPacked : 1;
  const std::int64_t columns = (shape.columns + width - 1) / width;
  const int threads = threads_for(columns, kThreads);
  const auto grid_y = blocks_for(shape.rows, kThreads / threads, kMaxGridYZ);
  const dim3 grid(blocks_for(columns, threads, std::max<std::int64_t>(kMaxBlocks / grid_y, 1)),
                  grid_y);
  const dim3 block(static_cast<unsigned int>(threads),
                   static_cast<unsigned int>(kThreads / threads));
  // With +, because g++ 12 might append more types to the name of a template alone.
  const auto kernel = +map_kernel<kPacked, Function, To, results, From...>;
  launch(op, wanted, kernel, grid, block, shape.rows, shape.columns, width, function, destinations,
         Operand<From>{from[i].defined() ? from[i].template data<From>() : nullptr, layouts[i].rows,
                       layouts[i].moves}...);
}

// to[0], to[1], ... = function(from[0], from[1], ...). `function` takes Accumulators and returns
// Results. To and From are the element types; an undefined result is not needed.
template <class To, int results, class... From, class Function>
void map(const char* op, const Function& function, const std::array<Tensor, results>& to,
         Types<From...> types, const std::array<Tensor, sizeof...(From)>& from) {
  const Tensor* wanted = nullptr;
  for (const Tensor& each : to)
    if (each.defined()) wanted = &each;
  if (wanted == nullptr || wanted->numel() == 0) return;

  std::array<OperandLayout, sizeof...(From)> layouts;
  std::transform(from.begin(), from.end(), layouts.begin(), [](const Tensor& x) {
    OperandLayout layout;
    if (x.defined()) layout.shape = x.shape();
    return layout;
  });
  const MapShape shape = lay_out(op, wanted->shape(), layouts);

  Destinations<To, results> destinations{};
  bool vectorised = shape.rows == 1 || shape.columns % kWide<To, From...> == 0;
  for (int r = 0; r < results; ++r) {
    if (!to[r].defined()) continue;
    destinations.at[r] = to[r].template data<To>();
    vectorised = vectorised && is_aligned<To, kWide<To, From...>>(to[r]);
  }
  launch_map(op, function, *wanted, shape, destinations, vectorised, types, from, layouts,
             std::make_index_sequence<sizeof...(From)>());
}

}  // namespace osteon::cuda
