// Matrix products. One product of two matrices in f32 or bf16 is a 1x1 convolution of the rows as
// pixels, and uses its kernels; batches, f64 and narrow matrices use Eigen, where each thread
// computes some rows of the result.
#include <algorithm>
#include <functional>

#include "base/parallel.h"
#include "ops/backend.h"
#include "ops/convolution/run.h"
#include "ops/cpu/matrix.h"
#include "ops/kernels.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kGrainProducts = 64 * 1024;  // minimum multiplications per thread

template <class T>
class Product {
 public:
  using A = Accumulator<T>;
  Product(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b, const Tensor& bias,
          const Tensor& y)
      : left_(a.data<T>(), a.numel()),
        right_(b.data<T>(), b.numel()),
        offsets_(bias.defined() ? bias.data<T>() : nullptr, bias.defined() ? bias.numel() : 0),
        has_bias_(bias.defined()),
        transpose_a_(transpose_a),
        transpose_b_(transpose_b),
        rows_(y.dim(1)),
        columns_(y.dim(2)),
        inner_(a.dim(transpose_a ? 1 : 2)),
        left_step_(a.dim(0) == 1 ? 0 : rows_ * inner_),
        right_step_(b.dim(0) == 1 ? 0 : inner_ * columns_),
        y_(y.data<T>()) {}

  // Computes rows [begin, end) of matrix `item` of the result.
  void compute(std::int64_t item, std::int64_t begin, std::int64_t end) const {
    const A* left = left_.data() + item * left_step_;
    const A* right = right_.data() + item * right_step_;
    const AccumulatorOutput<T> out(y_ + (item * rows_ + begin) * columns_,
                                   (end - begin) * columns_);
    auto result = matrix(out.data(), end - begin, columns_, columns_);
    multiply({transpose_a_ ? matrix(left + begin, inner_, end - begin, rows_)
                           : matrix(left + begin * inner_, end - begin, inner_, inner_),
              transpose_a_},
             {transpose_b_ ? matrix(right, columns_, inner_, inner_)
                           : matrix(right, inner_, columns_, columns_),
              transpose_b_},
             result);
    if (has_bias_) result.rowwise() += matrix(offsets_.data(), 1, columns_, columns_).row(0);
    out.store();
  }

  void run(std::int64_t batch) const {
    const std::int64_t grain = std::max<std::int64_t>(kGrainProducts / (inner_ * columns_ + 1), 1);
    parallel_for(batch * rows_, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t at = begin; at < end;) {
        const std::int64_t item = at / rows_, last = std::min(end, (item + 1) * rows_);
        compute(item, at - item * rows_, last - item * rows_);
        at = last;
      }
    });
  }

 private:
  AccumulatorInput<T> left_, right_, offsets_;
  bool has_bias_, transpose_a_, transpose_b_;
  std::int64_t rows_, columns_, inner_;
  std::int64_t left_step_, right_step_;  // between the matrices of a batch; 0 if there is only one
  T* y_;
};

// Below this number of channels or filters most of a convolution's tile is empty.
constexpr std::int64_t kMinChannels = 16;

// A product as the pass of a 1x1 convolution with images [1,M,1,C] and filters [K,1,1,C]:
//
//   a b^T    forward           a = x,  b = filters
//   a b      data gradient     a = dy, b = filters
//   a^T b    filter gradient   a = dy, b = x
class AsConvolution {
 public:
  AsConvolution(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
                const Tensor& bias, const Tensor& y)
      : a_(a), b_(b), bias_(bias), y_(y), sums_rows_(transpose_a), is_forward_(transpose_b) {}

  bool is_possible() const {
    const bool is_single = a_.dim(0) == 1 && b_.dim(0) == 1 && y_.numel() > 0 && a_.numel() > 0;
    return is_single && backend() != Backend::reference && !(sums_rows_ && is_forward_) &&
           (is_forward_ || !bias_.defined()) &&
           (y_.dtype() == DType::f32 || (y_.dtype() == DType::bf16 && has_fast_path())) &&
           std::min({a_.dim(2), b_.dim(2), y_.dim(2)}) >= kMinChannels;
  }

  void run(const std::function<void()>& reference) const {
    using convolution::Direction;
    const Conv2dOptions options;
    if (is_forward_)
      convolution::compute({Direction::forward, pixels(a_), filters(b_), pixels(y_), bias_,
                            Tensor(), Activation::none, options},
                           reference);
    else if (sums_rows_)
      convolution::compute({Direction::backward_weight, pixels(b_), filters(y_), pixels(a_),
                            Tensor(), Tensor(), Activation::none, options},
                           reference);
    else
      convolution::compute({Direction::backward_input, pixels(y_), filters(b_), pixels(a_),
                            Tensor(), Tensor(), Activation::none, options},
                           reference);
  }

 private:
  static Tensor pixels(const Tensor& x) { return x.view({1, x.dim(1), 1, x.dim(2)}); }
  static Tensor filters(const Tensor& x) { return x.view({x.dim(1), 1, 1, x.dim(2)}); }

  const Tensor &a_, &b_, &bias_, &y_;
  bool sums_rows_, is_forward_;
};

}  // namespace

void matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
            const Tensor& bias, const Tensor& y) {
  const auto by_eigen = [&] {
    dispatch_floating("matmul", a.dtype(), [&]<class T>() {
      Product<T>(a, b, transpose_a, transpose_b, bias, y).run(y.dim(0));
    });
  };
  const AsConvolution convolution(a, b, transpose_a, transpose_b, bias, y);
  if (convolution.is_possible())
    convolution.run(by_eigen);
  else
    by_eigen();
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
