// Matrix products with Eigen; each thread computes some rows of the result.
#include "base/parallel.h"
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

}  // namespace

void matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
            const Tensor& bias, const Tensor& y) {
  dispatch_floating("matmul", a.dtype(), [&]<class T>() {
    Product<T>(a, b, transpose_a, transpose_b, bias, y).run(y.dim(0));
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
