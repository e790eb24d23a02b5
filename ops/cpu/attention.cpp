// Attention on the CPU, one block of scores [queries, keys] at a time. A block is a product, the
// exponentials of its rows and another product; it stays in the cache, and the whole matrix of
// scores never exists.
//
// Source: Dao, Fu, Ermon, Rudra, Re, "FlashAttention", NeurIPS 2022 (algorithms 1 and 4).
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "ops/cpu/matrix.h"
#include "ops/functors/math.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kQueries = 64, kKeys = 256;  // of a block: 64 KB of scores in f32

// The positions of one head of one sample as a dense matrix [positions, E] in the accumulator's
// type; in a tensor they are heads E apart.
template <class T>
class HeadMatrix {
 public:
  using A = Accumulator<T>;
  explicit HeadMatrix(const Tensor& x)
      : positions_(x.dim(1)),
        heads_(x.dim(2)),
        width_(x.dim(3)),
        memory_({positions_, width_}, dtype_of<A>()) {}

  void read(const Tensor& x, std::int64_t item, double scale = 1) {
    const T* const from = x.data<T>() + first(item);
    for (std::int64_t i = 0; i < positions_; ++i)
      for (std::int64_t e = 0; e < width_; ++e)
        row(i)[e] = static_cast<A>(from[i * heads_ * width_ + e]) * static_cast<A>(scale);
  }
  // Positions [begin, end) only.
  void write(const Tensor& x, std::int64_t item, std::int64_t begin, std::int64_t end,
             double scale = 1) const {
    T* const to = x.data<T>() + first(item);
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t e = 0; e < width_; ++e)
        to[i * heads_ * width_ + e] = T(row(i)[e] * static_cast<A>(scale));
  }
  void clear() { std::fill_n(row(0), positions_ * width_, A(0)); }

  A* row(std::int64_t i) const { return memory_.template data<A>() + i * width_; }
  ConstMatrixMap<A> rows(std::int64_t begin, std::int64_t count) const {
    return matrix(static_cast<const A*>(row(begin)), count, width_, width_);
  }
  MatrixMap<A> rows(std::int64_t begin, std::int64_t count) {
    return matrix(row(begin), count, width_, width_);
  }
  std::int64_t positions() const { return positions_; }
  std::int64_t width() const { return width_; }

 private:
  std::int64_t first(std::int64_t item) const {
    return (item / heads_ * positions_ * heads_ + item % heads_) * width_;
  }
  std::int64_t positions_, heads_, width_;
  Tensor memory_;
};

// A block of scores, with the pitch kKeys.
template <class A>
class Scores {
 public:
  Scores() : memory_({kQueries, kKeys}, dtype_of<A>()) {}
  A* row(std::int64_t i) { return memory_.template data<A>() + i * kKeys; }
  MatrixMap<A> block(std::int64_t queries, std::int64_t keys) {
    return matrix(row(0), queries, keys, kKeys);
  }
  ConstMatrixMap<A> block(std::int64_t queries, std::int64_t keys) const {
    return matrix(static_cast<const A*>(memory_.template data<A>()), queries, keys, kKeys);
  }

 private:
  Tensor memory_;
};

// Calls body(begin, count) for blocks of [0, n).
template <class Body>
void for_each_block(std::int64_t n, std::int64_t block, const Body& body) {
  for (std::int64_t begin = 0; begin < n; begin += block) body(begin, std::min(block, n - begin));
}

// scores <- exp(scores - shift); returns their sum.
template <class A>
A exponentials(A* scores, std::int64_t count, A shift) {
  for (std::int64_t j = 0; j < count; ++j) scores[j] = functors::exp_of(scores[j] - shift);
  A sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t j = 0; j < count; ++j) sum += scores[j];
  return sum;
}

template <class A>
A largest_of(const A* scores, std::int64_t count) {
  A largest = scores[0];
#pragma omp simd reduction(max : largest)
  for (std::int64_t j = 0; j < count; ++j) largest = scores[j] > largest ? scores[j] : largest;
  return largest;
}

// y and log-sum-exp of the queries [begin, begin + count), block by block of keys, with running
// maxima and sums of the rows. `query` is scaled.
template <class T>
void forward_block(const HeadMatrix<T>& query, const HeadMatrix<T>& key, const HeadMatrix<T>& value,
                   std::int64_t begin, std::int64_t count, Scores<Accumulator<T>>& scores,
                   HeadMatrix<T>& part, HeadMatrix<T>& y, Accumulator<T>* log_sum) {
  using A = Accumulator<T>;
  const std::int64_t width = query.width();
  A largest[kQueries], sum[kQueries];
  std::fill_n(largest, count, -std::numeric_limits<A>::infinity());
  std::fill_n(sum, count, A(0));
  std::fill_n(y.row(begin), count * width, A(0));
  for_each_block(key.positions(), kKeys, [&](std::int64_t first, std::int64_t keys) {
    multiply({query.rows(begin, count)}, {key.rows(first, keys), true}, scores.block(count, keys));
    for (std::int64_t i = 0; i < count; ++i) {
      const A before = largest[i];
      largest[i] = std::max(before, largest_of(scores.row(i), keys));
      const A kept = std::exp(before - largest[i]);
      sum[i] = sum[i] * kept + exponentials(scores.row(i), keys, largest[i]);
      A* const row = y.row(begin + i);
      for (std::int64_t e = 0; e < width; ++e) row[e] *= kept;
    }
    multiply({std::as_const(scores).block(count, keys)}, {value.rows(first, keys)},
             part.rows(0, count));
    for (std::int64_t i = 0; i < count * width; ++i) y.row(begin)[i] += part.row(0)[i];
  });
  for (std::int64_t i = 0; i < count; ++i) {
    A* const row = y.row(begin + i);
    for (std::int64_t e = 0; e < width; ++e) row[e] /= sum[i];
    log_sum[begin + i] = largest[i] + std::log(sum[i]);
  }
}

// The gradients of one head of one sample; only those that are defined.
template <class T>
class HeadGradients {
 public:
  using A = Accumulator<T>;
  HeadGradients(const Tensor& query, const Tensor& key, const Tensors& gradients)
      : wants_query_(gradients[0].defined()),
        wants_key_(gradients[1].defined()),
        wants_value_(gradients[2].defined()),
        query_(query),
        key_(key),
        value_(key),
        y_(query),
        dy_(query),
        dquery_(query),
        dkey_(key),
        dvalue_(key),
        part_(query),
        dots_(static_cast<std::size_t>(query_.positions())) {}

  void run(const Tensors& inputs, const A* log_sum, double scale, const Tensors& gradients,
           std::int64_t item) {
    query_.read(inputs[0], item, scale);
    key_.read(inputs[1], item);
    value_.read(inputs[2], item);
    y_.read(inputs[3], item);
    dy_.read(inputs[4], item);
    for (HeadMatrix<T>* each : {&dquery_, &dkey_, &dvalue_}) each->clear();
    for (std::int64_t i = 0; i < query_.positions(); ++i) {
      A dot = 0;
      for (std::int64_t e = 0; e < query_.width(); ++e) dot += dy_.row(i)[e] * y_.row(i)[e];
      dots_[static_cast<std::size_t>(i)] = dot;
    }
    for_each_block(query_.positions(), kQueries, [&](std::int64_t begin, std::int64_t count) {
      for_each_block(key_.positions(), kKeys, [&](std::int64_t first, std::int64_t keys) {
        add_block(begin, count, first, keys, log_sum);
      });
    });
    if (wants_query_) dquery_.write(gradients[0], item, 0, query_.positions(), scale);
    // dS^T times the scaled query
    if (wants_key_) dkey_.write(gradients[1], item, 0, key_.positions());
    if (wants_value_) dvalue_.write(gradients[2], item, 0, key_.positions());
  }

 private:
  void add_block(std::int64_t begin, std::int64_t count, std::int64_t first, std::int64_t keys,
                 const A* log_sum) {
    multiply({std::as_const(query_).rows(begin, count)},
             {std::as_const(key_).rows(first, keys), true}, scores_.block(count, keys));
    for (std::int64_t i = 0; i < count; ++i) exponentials(scores_.row(i), keys, log_sum[begin + i]);
    if (wants_value_)
      add_transposed_product(std::as_const(scores_).block(count, keys),
                             std::as_const(dy_).rows(begin, count), dvalue_.rows(first, keys));
    if (!wants_query_ && !wants_key_) return;
    multiply({std::as_const(dy_).rows(begin, count)},
             {std::as_const(value_).rows(first, keys), true}, dscores_.block(count, keys));
    for (std::int64_t i = 0; i < count; ++i) {
      const A dot = dots_[static_cast<std::size_t>(begin + i)];
      A *const to = dscores_.row(i), *const weight = scores_.row(i);
      for (std::int64_t j = 0; j < keys; ++j) to[j] = weight[j] * (to[j] - dot);
    }
    if (wants_key_)
      add_transposed_product(std::as_const(dscores_).block(count, keys),
                             std::as_const(query_).rows(begin, count), dkey_.rows(first, keys));
    if (!wants_query_) return;
    multiply({std::as_const(dscores_).block(count, keys)}, {std::as_const(key_).rows(first, keys)},
             part_.rows(0, count));
    A *const to = dquery_.row(begin), *const from = part_.row(0);
    for (std::int64_t i = 0; i < count * query_.width(); ++i) to[i] += from[i];
  }

  const bool wants_query_, wants_key_, wants_value_;
  HeadMatrix<T> query_, key_, value_, y_, dy_, dquery_, dkey_, dvalue_, part_;
  Scores<A> scores_, dscores_;
  std::vector<A> dots_;  // of the rows of dy and y
};

}  // namespace

void attention_forward(const Tensor& query, const Tensor& key, const Tensor& value, double scale,
                       const Tensor& log_sum, const Tensor& y) {
  const std::int64_t positions = query.dim(1), blocks = (positions + kQueries - 1) / kQueries;
  dispatch_floating("scaled_dot_product_attention", query.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    parallel_for(query.dim(0) * query.dim(2) * blocks, 1, [&](std::int64_t from, std::int64_t to) {
      HeadMatrix<T> queries(query), keys(key), values(value), part(query), result(query);
      Scores<A> scores;
      while (from < to) {
        const std::int64_t item = from / blocks, last = std::min(to, (item + 1) * blocks);
        queries.read(query, item, scale);
        keys.read(key, item);
        values.read(value, item);
        const std::int64_t first = from % blocks * kQueries;
        const std::int64_t end = std::min((last - item * blocks) * kQueries, positions);
        for_each_block(end - first, kQueries, [&](std::int64_t begin, std::int64_t count) {
          forward_block(queries, keys, values, first + begin, count, scores, part, result,
                        log_sum.data<A>() + item * positions);
        });
        result.write(y, item, first, end);
        from = last;
      }
    });
  });
}

void attention_backward(const Tensor& query, const Tensor& key, const Tensor& value,
                        const Tensor& y, const Tensor& log_sum, const Tensor& dy, double scale,
                        const Tensor& dquery, const Tensor& dkey, const Tensor& dvalue) {
  dispatch_floating("scaled_dot_product_attention", query.dtype(), [&]<class T>() {
    using A = Accumulator<T>;
    const Tensors gradients = {dquery, dkey, dvalue};
    parallel_for(query.dim(0) * query.dim(2), 1, [&](std::int64_t begin, std::int64_t end) {
      HeadGradients<T> head(query, key, gradients);
      for (std::int64_t item = begin; item < end; ++item)
        head.run({query, key, value, y, dy}, log_sum.data<A>() + item * query.dim(1), scale,
                 gradients, item);
    });
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
