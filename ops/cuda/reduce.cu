// Reductions and broadcasting (expand). Memory traffic: a reduction reads x once, plus at most 8
// bytes per result and split; expand and the gradient of the maximum are elementwise
// (tensor/cuda/map.cuh). Sums are in double: memory is the bottleneck, so the double units are
// free.
//
// If the last dimension is kept, a thread reduces a few columns, and the loads of a warp are
// contiguous. If it is reduced, the threads of a row of the block share a row of x. If there are
// too few results to fill the device, x is split, and a second launch joins the parts. The split
// depends only on the shapes, and so do the bits.
#include <limits>

#include "ops/cuda/device/block_reduce.cuh"
#include "ops/kernels.h"
#include "tensor/cuda/map.cuh"

namespace osteon::cuda {
namespace {

constexpr std::int64_t kTargetBlocks = 1024;     // enough to keep every device busy
constexpr std::int64_t kMinLoadsPerThread = 16;  // minimum loads per thread of a split

// A reduction: its term, its combination and its initial value. The term may depend on the index of
// its result.
struct SumOfElements {
  using Value = double;
  using Combine = Sum;
  static constexpr Value kInitial = 0;
  template <class A>
  __device__ Value term(A x, std::int64_t) const {
    return static_cast<Value>(x);
  }
};

template <class A>
struct Maximum {
  using Value = A;
  using Combine = Larger;
  static constexpr Value kInitial = -std::numeric_limits<A>::infinity();
  __device__ Value term(A x, std::int64_t) const { return x; }
};

template <class T>
struct CountOfMaxima {
  using Value = double;
  using Combine = Sum;
  static constexpr Value kInitial = 0;
  const T* largest;
  template <class A>
  __device__ Value term(A x, std::int64_t result) const {
    return x == static_cast<A>(largest[result]) ? 1 : 0;
  }
};

// The second launch, whose inputs are already terms.
template <class Reduction>
struct PartialResults {
  using Value = typename Reduction::Value;
  using Combine = typename Reduction::Combine;
  static constexpr Value kInitial = Reduction::kInitial;
  __device__ Value term(Value x, std::int64_t) const { return x; }
};

// The elements of x that belong to a result: results.offset(i) + reduced.offset(j) + column for all
// j. `columns` > 1 only if the last dimension is kept.
struct Plan {
  Walk results, reduced;
  std::int64_t columns = 1;
  bool keeps_last = false;
};

Plan plan_of(const char* op, const Shape& x, const Shape& y) {
  Plan plan;
  std::int64_t stride = 1;
  bool first = true;
  for (std::int64_t d = 1; d <= x.rank(); ++d) {
    const std::int64_t extent = x[-d];
    if (extent == 1) continue;
    const bool kept = y[-d] == extent;
    if (first) plan.keeps_last = kept;
    if (plan.keeps_last && kept && plan.reduced.levels == 0)
      plan.columns *= extent;
    else
      (kept ? plan.results : plan.reduced).add_outer(op, extent, stride);
    stride *= extent;
    first = false;
  }
  return plan;
}

// Block: (columns, terms). Grid: (columns, results, splits).
template <int n, class T, class Reduction, class To>
__global__ void __launch_bounds__(kThreads)
    reduce_columns(const T* x, const __grid_constant__ Plan plan, std::int64_t terms_per_split,
                   Reduction reduction, double scale, To* y) {
  using Value = typename Reduction::Value;
  const typename Reduction::Combine combine;
  const std::int64_t column = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * n;
  const std::int64_t begin = blockIdx.z * terms_per_split;
  const std::int64_t end = min(begin + terms_per_split, plan.reduced.count);
  for (std::int64_t row = blockIdx.y; row < plan.results.count; row += gridDim.y) {
    Value values[n];
#pragma unroll
    for (int i = 0; i < n; ++i) values[i] = Reduction::kInitial;
    const std::int64_t result = row * plan.columns + column;
    if (column < plan.columns) {
      const T* const from = x + plan.results.offset(row) + column;
#pragma unroll 4
      for (std::int64_t term = begin + threadIdx.y; term < end; term += blockDim.y) {
        const Pack<T, n> pack = load<n>(from + plan.reduced.offset(term));
#pragma unroll
        for (int i = 0; i < n; ++i)
          values[i] = combine(values[i],
                              reduction.term(static_cast<Accumulator<T>>(pack.at[i]), result + i));
      }
    }
    combine_along_y(values, combine);
    if (threadIdx.y != 0 || column >= plan.columns) continue;
    To* const to = y + blockIdx.z * plan.results.count * plan.columns + result;
#pragma unroll
    for (int i = 0; i < n; ++i) to[i] = narrowed<To>(static_cast<double>(values[i]) * scale);
  }
}

// Block: (terms, results). Grid: (results, splits). If n > 1, the terms of a result are contiguous,
// and all vectors are complete, except that the last one may be incomplete if there is only one
// result.
template <int n, class T, class Reduction, class To>
__global__ void __launch_bounds__(kThreads)
    reduce_rows(const T* x, const __grid_constant__ Plan plan, std::int64_t terms_per_split,
                Reduction reduction, double scale, To* y) {
  using Value = typename Reduction::Value;
  using A = Accumulator<T>;
  const typename Reduction::Combine combine;
  const std::int64_t begin = blockIdx.y * terms_per_split;
  const std::int64_t end = min(begin + terms_per_split, plan.reduced.count);
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.y;
  for (std::int64_t first = std::int64_t{blockIdx.x} * blockDim.y; first < plan.results.count;
       first += step) {
    const std::int64_t result = first + threadIdx.y;
    Value value = Reduction::kInitial;
    if (result < plan.results.count) {
      const T* const from = x + plan.results.offset(result);
#pragma unroll 4
      for (std::int64_t term = begin + threadIdx.x * n; term < end; term += blockDim.x * n) {
        if (n > 1 && term + n <= end) {
          const Pack<T, n> pack = load<n>(from + term);
#pragma unroll
          for (int i = 0; i < n; ++i)
            value = combine(value, reduction.term(static_cast<A>(pack.at[i]), result));
        } else {
          const std::int64_t last = min(term + n, end);
          for (std::int64_t i = term; i < last; ++i)
            value = combine(value,
                            reduction.term(static_cast<A>(from[plan.reduced.offset(i)]), result));
        }
      }
    }
    value = combine_along_x(value, combine);
    if (threadIdx.x == 0 && result < plan.results.count)
      y[blockIdx.y * plan.results.count + result] =
          narrowed<To>(static_cast<double>(value) * scale);
  }
}

// The number of parts to split `terms` into, if one launch without a split has `blocks` blocks with
// `threads` threads per result.
std::int64_t splits_of(std::int64_t terms, std::int64_t threads, std::int64_t blocks) {
  const std::int64_t useful =
      (terms + threads * kMinLoadsPerThread - 1) / (threads * kMinLoadsPerThread);
  return std::clamp<std::int64_t>(kTargetBlocks / blocks, 1, std::max<std::int64_t>(useful, 1));
}

// One launch: y[split, result] = scale times the sum of one part of the terms.
template <class T, class Reduction, class To>
struct ReduceLaunch {
  const char* op;
  const Plan& plan;
  dim3 grid, block;
  bool vectorised;
  std::int64_t splits;

  static constexpr int kWide = kPack<T>;

  ReduceLaunch(const char* op_, const Tensor& x, const Plan& plan_) : op(op_), plan(plan_) {
    const std::int64_t terms = plan.reduced.count, results = plan.results.count;
    if (plan.keeps_last) {
      vectorised = plan.columns % kWide == 0 && is_aligned<T, kWide>(x);
      const std::int64_t width = vectorised ? plan.columns / kWide : plan.columns;
      const int across = threads_for(width, terms > kThreads ? kWarp : kThreads);
      const int down = kThreads / across;
      const std::int64_t tiles = (width + across - 1) / across;
      block = dim3(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
      splits = splits_of(terms, down, tiles * results);
      grid = dim3(static_cast<unsigned int>(tiles), blocks_for(results, 1, kMaxGridYZ),
                  static_cast<unsigned int>(splits));
    } else {
      const bool side_by_side = plan.reduced.levels <= 1;
      vectorised = side_by_side && (terms % kWide == 0 || results == 1) && is_aligned<T, kWide>(x);
      const std::int64_t width = vectorised ? (terms + kWide - 1) / kWide : terms;
      const int across = threads_for(width, kThreads), down = kThreads / across;
      block = dim3(static_cast<unsigned int>(across), static_cast<unsigned int>(down));
      grid.x = blocks_for(results, down);
      splits = splits_of(width, across, grid.x);
      grid.y = static_cast<unsigned int>(splits);
    }
  }

  // A whole number of vectors, so that each part begins at a vector.
  std::int64_t terms_per_split() const {
    const std::int64_t even = (plan.reduced.count + splits - 1) / splits;
    return plan.keeps_last ? even : (even + kWide - 1) / kWide * kWide;
  }

  void run(const Tensor& x, const Reduction& reduction, double scale, const Tensor& y) const {
    const auto kernel = plan.keeps_last ? (vectorised ? reduce_columns<kWide, T, Reduction, To>
                                                      : reduce_columns<1, T, Reduction, To>)
                                        : (vectorised ? reduce_rows<kWide, T, Reduction, To>
                                                      : reduce_rows<1, T, Reduction, To>);
    launch(op, x, kernel, grid, block, x.data<T>(), plan, terms_per_split(), reduction, scale,
           y.data<To>());
  }
};

// y = scale times the reduction of x over the dimensions in which y has extent 1.
template <class T, class To, class Reduction>
void reduce(const char* op, const Tensor& x, const Reduction& reduction, double scale,
            const Tensor& y) {
  using Value = typename Reduction::Value;
  if (y.numel() == 0) return;
  const Plan plan = plan_of(op, x.shape(), y.shape());
  const ReduceLaunch<T, Reduction, To> whole(op, x, plan);
  if (whole.splits == 1) return whole.run(x, reduction, scale, y);

  const ReduceLaunch<T, Reduction, Value> parts(op, x, plan);
  const Tensor partial({parts.splits, y.numel()}, dtype_of<Value>(), x.device());
  parts.run(x, reduction, 1, partial);
  Plan rest;
  rest.keeps_last = true;
  rest.columns = y.numel();
  rest.reduced.add_separate(op, parts.splits, y.numel());
  ReduceLaunch<Value, PartialResults<Reduction>, To> join(op, partial, rest);
  join.splits = join.grid.z = 1;
  join.run(partial, {}, scale, y);
}

template <class A>
struct Scaled {
  A scale;
  __device__ Results<A, 1> operator()(A x) const { return {{x * scale}}; }
};

template <class A>
struct ShareOfMaximum {
  __device__ Results<A, 1> operator()(A x, A largest, A dy, double count) const {
    return {{x == largest ? dy / static_cast<A>(count) : A(0)}};
  }
};

}  // namespace

void reduce_sum(const Tensor& x, double scale, const Tensor& y) {
  dispatch_floating("sum", x.dtype(),
                    [&]<class T>() { reduce<T, T>("sum", x, SumOfElements(), scale, y); });
}

void reduce_max(const Tensor& x, const Tensor& y) {
  dispatch_floating("amax", x.dtype(),
                    [&]<class T>() { reduce<T, T>("amax", x, Maximum<Accumulator<T>>(), 1, y); });
}

void reduce_max_backward(const Tensor& x, const Tensor& y, const Tensor& dy, const Tensor& dx) {
  const Tensor count(y.shape(), DType::f64, y.device());
  dispatch_floating("amax", x.dtype(), [&]<class T>() {
    reduce<T, double>("amax", x, CountOfMaxima<T>{y.data<T>()}, 1, count);
    map<T, 1>("amax", ShareOfMaximum<Accumulator<T>>(), {dx}, Types<T, T, T, double>(),
              {x, y, dy, count});
  });
}

void expand(const Tensor& x, double scale, const Tensor& y) {
  dispatch_floating("expand", y.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    map<T, 1>("expand", Scaled<A>{static_cast<A>(scale)}, {y}, Types<T>(), {x});
  });
}

}  // namespace osteon::cuda
