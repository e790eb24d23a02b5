// Attention on the CPU, one block of scores [queries, keys] at a time. A block is a product, the
// exponentials of its rows and another product (cache_product.h); it stays in the cache, and the
// whole matrix of scores never exists.
//
// Source: Dao, Fu, Ermon, Rudra, Re, "FlashAttention", NeurIPS 2022 (algorithms 1 and 4).
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "ops/cpu/cache_product.h"
#include "ops/functors/math.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

// A block of scores: whole tiles of queries, and 256 keys; 64 KB in f32.
constexpr std::int64_t kQueries = 64 / kTileRows * kTileRows, kKeys = 256;
static_assert(kKeys % kTileColumns == 0);

// The positions of one head of one sample as a dense matrix in the accumulator's type, with rows of
// whole tiles; in a tensor they are heads E apart.
template <class T>
class HeadMatrix {
 public:
  using A = Accumulator<T>;
  explicit HeadMatrix(const Tensor& x)
      : positions_(x.dim(1)),
        heads_(x.dim(2)),
        width_(x.dim(3)),
        memory_(zeros({positions_, pitch()}, dtype_of<A>())),
        values_(memory_.template data<A>()) {}

  void read(const Tensor& x, std::int64_t item, double scale = 1) {
    const T* const from = x.data<T>() + first(item);
    for (std::int64_t i = 0; i < positions_; ++i) {
      const T* const source = from + i * heads_ * width_;
      A* const to = row(i);
      for (std::int64_t e = 0; e < width_; ++e)
        to[e] = static_cast<A>(source[e]) * static_cast<A>(scale);
    }
  }
  // Positions [begin, end) only.
  void write(const Tensor& x, std::int64_t item, std::int64_t begin, std::int64_t end,
             double scale = 1) const {
    T* const to = x.data<T>() + first(item);
    for (std::int64_t i = begin; i < end; ++i) {
      T* const target = to + i * heads_ * width_;
      const A* const from = row(i);
      for (std::int64_t e = 0; e < width_; ++e) target[e] = T(from[e] * static_cast<A>(scale));
    }
  }
  void clear() { std::fill_n(row(0), positions_ * pitch(), A(0)); }

  A* row(std::int64_t i) const { return values_ + i * pitch(); }
  Rows<const A> rows(std::int64_t begin) const { return {row(begin), pitch()}; }
  Rows<A> rows(std::int64_t begin) { return {row(begin), pitch()}; }
  std::int64_t positions() const { return positions_; }
  std::int64_t width() const { return width_; }
  std::int64_t pitch() const { return padded(width_); }

 private:
  std::int64_t first(std::int64_t item) const {
    return (item / heads_ * positions_ * heads_ + item % heads_) * width_;
  }
  std::int64_t positions_, heads_, width_;
  Tensor memory_;
  A* values_;
};

// A head's positions as columns, the right factor of Q K^T, or as channels, that of P V.
template <class T>
RightFactor<Accumulator<T>> columns_of(const HeadMatrix<T>& x) {
  return {x.width(), x.positions()};
}
template <class T>
RightFactor<Accumulator<T>> channels_of(const HeadMatrix<T>& x) {
  return {x.positions(), x.width()};
}

// A block of scores. Its pitch is not a power of two, whose rows would share lines of the cache.
template <class A>
class Scores {
 public:
  Scores()
      : memory_(zeros({kQueries, kPitch}, dtype_of<A>())), values_(memory_.template data<A>()) {}
  A* row(std::int64_t i) { return values_ + i * kPitch; }
  Rows<A> rows() { return {values_, kPitch}; }
  Rows<const A> rows() const { return {values_, kPitch}; }

 private:
  static constexpr std::int64_t kPitch = kKeys + kTileColumns;
  Tensor memory_;
  A* values_;
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

// What one thread needs to compute y of some queries of a head.
template <class T>
class HeadForward {
 public:
  using A = Accumulator<T>;
  HeadForward(const Tensor& query, const Tensor& key)
      : query_(query),
        key_(key),
        value_(key),
        y_(query),
        keys_(columns_of(key_)),
        values_(channels_of(value_)) {}

  void read(const Tensor& query, const Tensor& key, const Tensor& value, double scale,
            std::int64_t item) {
    query_.read(query, item, scale);
    key_.read(key, item);
    value_.read(value, item);
    keys_.set(key_.row(0), 1, key_.pitch());
    values_.set(value_.row(0), value_.pitch(), 1);
  }

  // y and log-sum-exp of the queries [begin, begin + count), block by block of keys, with running
  // maxima and sums of the rows.
  void run(std::int64_t begin, std::int64_t count, A* log_sum) {
    A largest[kQueries], sum[kQueries];
    std::fill_n(largest, count, -std::numeric_limits<A>::infinity());
    std::fill_n(sum, count, A(0));
    std::fill_n(y_.row(begin), count * y_.pitch(), A(0));
    for_each_block(key_.positions(), kKeys, [&](std::int64_t first, std::int64_t keys) {
      keys_.multiply(std::as_const(query_).rows(begin), count, {0, query_.width()}, {first, keys},
                     scores_.rows(), false);
      // [exercise 7b]
      for (std::int64_t i = 0; i < count; ++i) {
        const A before = largest[i];
        largest[i] = std::max(before, largest_of(scores_.row(i), keys));
        const A kept = std::exp(before - largest[i]);
        sum[i] = sum[i] * kept + exponentials(scores_.row(i), keys, largest[i]);
        A* const row = y_.row(begin + i);
        for (std::int64_t e = 0; e < y_.width(); ++e) row[e] *= kept;
      }
      // [exercise end]
      values_.multiply(std::as_const(scores_).rows(), count, {first, keys}, {0, y_.width()},
                       y_.rows(begin), true);
    });
    for (std::int64_t i = 0; i < count; ++i) {
      A* const row = y_.row(begin + i);
      for (std::int64_t e = 0; e < y_.width(); ++e) row[e] /= sum[i];
      log_sum[begin + i] = largest[i] + std::log(sum[i]);
    }
  }

  void write(const Tensor& y, std::int64_t item, std::int64_t begin, std::int64_t end) const {
    y_.write(y, item, begin, end);
  }

 private:
  HeadMatrix<T> query_, key_, value_, y_;
  RightFactor<A> keys_, values_;
  Scores<A> scores_;
};

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
        key_columns_(columns_of(key_)),
        value_columns_(columns_of(value_)),
        key_channels_(channels_of(key_)),
        dots_(static_cast<std::size_t>(query_.positions())) {}

  void run(const Tensors& inputs, const A* log_sum, double scale, const Tensors& gradients,
           std::int64_t item) {
    query_.read(inputs[0], item, scale);
    key_.read(inputs[1], item);
    value_.read(inputs[2], item);
    y_.read(inputs[3], item);
    dy_.read(inputs[4], item);
    key_columns_.set(key_.row(0), 1, key_.pitch());
    value_columns_.set(value_.row(0), 1, value_.pitch());
    key_channels_.set(key_.row(0), key_.pitch(), 1);
    for (HeadMatrix<T>* each : {&dquery_, &dkey_, &dvalue_}) each->clear();
    for (std::int64_t i = 0; i < query_.positions(); ++i) {
      const A *const dy = dy_.row(i), *const y = y_.row(i);
      A dot = 0;
#pragma omp simd reduction(+ : dot)
      for (std::int64_t e = 0; e < query_.width(); ++e) dot += dy[e] * y[e];
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
    const Rows<const A> query = std::as_const(query_).rows(begin),
                        dy = std::as_const(dy_).rows(begin);
    const Range width{0, query_.width()};
    key_columns_.multiply(query, count, width, {first, keys}, scores_.rows(), false);
    for (std::int64_t i = 0; i < count; ++i) exponentials(scores_.row(i), keys, log_sum[begin + i]);
    if (wants_value_)
      add_outer_products(std::as_const(scores_).rows(), dy, count, keys, dvalue_.pitch(),
                         dvalue_.rows(first));
    if (!wants_query_ && !wants_key_) return;
    value_columns_.multiply(dy, count, width, {first, keys}, dscores_.rows(), false);
    for (std::int64_t i = 0; i < count; ++i) {
      const A dot = dots_[static_cast<std::size_t>(begin + i)];
      A *const to = dscores_.row(i), *const weight = scores_.row(i);
      for (std::int64_t j = 0; j < keys; ++j) to[j] = weight[j] * (to[j] - dot);
    }
    if (wants_key_)
      add_outer_products(std::as_const(dscores_).rows(), query, count, keys, dkey_.pitch(),
                         dkey_.rows(first));
    if (wants_query_)
      key_channels_.multiply(std::as_const(dscores_).rows(), count, {first, keys}, width,
                             dquery_.rows(begin), true);
  }

  const bool wants_query_, wants_key_, wants_value_;
  HeadMatrix<T> query_, key_, value_, y_, dy_, dquery_, dkey_, dvalue_;
  RightFactor<A> key_columns_, value_columns_, key_channels_;
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
      HeadForward<T> head(query, key);
      while (from < to) {
        const std::int64_t item = from / blocks, last = std::min(to, (item + 1) * blocks);
        head.read(query, key, value, scale, item);
        const std::int64_t first = from % blocks * kQueries;
        const std::int64_t end = std::min((last - item * blocks) * kQueries, positions);
        for_each_block(end - first, kQueries, [&](std::int64_t begin, std::int64_t count) {
          head.run(first + begin, count, log_sum.data<A>() + item * positions);
        });
        head.write(y, item, first, end);
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
