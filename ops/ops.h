// Every operation, on one page. What holds for all of them:
//
// * Tensors are dense and row-major; images are [N, H, W, C], filters [K, R, S, C / groups].
// * Inputs of one op are on one device. Floating-point ops take f64, f32 and bf16; sums and
//   products of bf16 are computed in f32.
// * Each is differentiable by every floating-point input unless its entry says otherwise, and
//   computes no gradient that nobody asked for.
// * A wrong rank, shape, dtype or option throws Error naming the op, what it got and what it
//   expects. These checks are not repeated below.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ops/functors.h"
#include "tensor/autograd.h"
#include "tensor/tensor.h"

namespace osteon {

// A number for each of the two spatial directions; one number stands for both.
struct Spatial {
  std::int64_t height, width;
  // NOLINTNEXTLINE(google-explicit-constructor): `stride = 2` is how everybody writes it.
  constexpr Spatial(std::int64_t both) : height(both), width(both) {}
  constexpr Spatial(std::int64_t height_, std::int64_t width_) : height(height_), width(width_) {}
  bool operator==(const Spatial&) const = default;
};

// --- convolution ---------------------------------------------------------------------------------

struct Conv2dOptions {
  Spatial stride = 1;
  Spatial padding = 0;  // zeros added on each side
  Spatial dilation = 1;
  std::int64_t groups = 1;
  bool operator==(const Conv2dOptions&) const = default;
};

// Cross-correlation, as every framework calls convolution:
//
//   y[n,p,q,k] = bias[k] + sum over r,s,c of x[n,i,j,d] weight[k,r,s,c],   where
//   i = p stride + r dilation - padding,   j = q stride + s dilation - padding,
//   d = g C/groups + c,   g = floor(k groups / K), the group of k
//
// x [N,H,W,C], weight [K,R,S,C/groups], bias [K] or undefined; y [N,P,Q,K] with
// P = floor((H + 2 padding - dilation (R - 1) - 1) / stride) + 1, Q likewise.
// Where x is bf16, weight and bias may be f32: weight is rounded to bf16, sums are f32, and the
// gradients by both come in f32, unrounded.
// Gradients: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv2dOptions& options = {});

// max(0, conv2d(x, weight, bias) + residual) in one pass, or the same without the maximum: what a
// residual block comes to in inference, once batch norm is folded into weight and bias. residual is
// like the output, or undefined. Not differentiable.
Tensor conv2d_add_relu(const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const Tensor& residual, bool relu, const Conv2dOptions& options = {});

// --- normalisation -------------------------------------------------------------------------------

struct BatchNormOptions {
  bool training = true;   // normalise by the batch's statistics and update the running ones
  double momentum = 0.1;  // share of the new value in the running statistics
  double epsilon = 1e-5;  // added to the variance
  bool relu = false;      // max(0, .) at the end, in the same pass over memory
};

// Batch normalisation over all but the last dimension (M values a channel), with the residual join
// and the ReLU that follow it in a ResNet:
//
//   y = relu( (x - mean) / sqrt(var + epsilon) * weight + bias + residual )
//
// training: mean and var are the batch's (var divides by M); running <- (1 - momentum) running +
// momentum batch, where the batch's variance divides by M - 1; needs M > 1. Otherwise mean and var
// are the running ones. x [..., C]; weight, bias, running_mean, running_var [C], f32 where x is
// bf16; residual like x or undefined. Differentiable by x, weight, bias and residual. Source: Ioffe
// & Szegedy, "Batch Normalization", 2015, algorithms 1 and 2.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options = {}, const Tensor& residual = {});

// --- pooling -------------------------------------------------------------------------------------

struct Pool2dOptions {
  Spatial kernel_size = 2;
  Spatial stride = 2;
  Spatial padding = 0;  // at most half the kernel
};

// y[n,p,q,c] = the largest x in the window at (p stride - padding, q stride - padding); padding
// never wins. The gradient goes to the first largest one in row-major order. A window has at most
// 255 places. x [N,H,W,C]; y [N, floor((H + 2 padding - kernel) / stride) + 1, ..., C].
Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options);

// The mean over the same windows; padding counts as zeros, also in the divisor (as PyTorch's
// default).
Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options);

// The mean over all places: [N,H,W,C] -> [N,C].
Tensor global_avg_pool2d(const Tensor& x);

// --- products ------------------------------------------------------------------------------------

// y = x weight^T + bias. x [..., in], weight [out, in], bias [out] or undefined; y [..., out].
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// Matrix product of the last two dimensions, either factor transposed on request; the leading
// dimensions of both are equal. a [..., M, K], b [..., K, N]; result [..., M, N].
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);

// --- elementwise ---------------------------------------------------------------------------------

// The functions below are functors of functors.h over whole tensors, with NumPy's broadcasting:
// shapes are aligned at the right, a missing extent or one of 1 is repeated, and gradients are
// summed over what was repeated. A number beside a tensor takes part in the precision of the
// computation: that of the tensor, or f32 where that is bf16.
template <class Functor>
Tensor elementwise(const Functor& functor,
                   const std::array<Tensor, functors::kOperands<Functor>>& inputs);

// max(0, x); the gradient at 0 is 0.
inline Tensor relu(const Tensor& x) { return elementwise(functors::Relu{}, {x}); }
// 1 / (1 + exp(-x)).
inline Tensor sigmoid(const Tensor& x) { return elementwise(functors::Sigmoid{}, {x}); }
// -x.
inline Tensor neg(const Tensor& x) { return elementwise(functors::Neg{}, {x}); }
// min(max(x, low), high), NaN where x is; the gradient is dy where low < x < high, else 0. Throws
// unless low <= high; either may be infinite.
inline Tensor clamp(const Tensor& x, double low, double high) {
  return elementwise(functors::Clamp{low, high}, {x});
}
// x^exponent, NaN where x is negative and the exponent no whole number; 0^0 is 1. The gradient is
// exponent x^(exponent - 1), 0 for exponent 0; so it is infinite at 0 for exponents below 1.
inline Tensor pow(const Tensor& x, double exponent) {
  return elementwise(functors::Pow{exponent}, {x});
}

// a + b, a - b, a * b, a / b.
inline Tensor add(const Tensor& a, const Tensor& b) { return elementwise(functors::Add{}, {a, b}); }
inline Tensor sub(const Tensor& a, const Tensor& b) { return elementwise(functors::Sub{}, {a, b}); }
inline Tensor mul(const Tensor& a, const Tensor& b) { return elementwise(functors::Mul{}, {a, b}); }
inline Tensor div(const Tensor& a, const Tensor& b) { return elementwise(functors::Div{}, {a, b}); }

inline Tensor operator-(const Tensor& x) { return neg(x); }
inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }

// The same with a number, without a tensor for it.
inline Tensor operator+(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Add>{b}, {a});
}
inline Tensor operator+(double a, const Tensor& b) { return b + a; }
inline Tensor operator-(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Sub>{b}, {a});
}
inline Tensor operator-(double a, const Tensor& b) {
  return elementwise(functors::WithLeft<functors::Sub>{a}, {b});
}
inline Tensor operator*(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Mul>{b}, {a});
}
inline Tensor operator*(double a, const Tensor& b) { return b * a; }
inline Tensor operator/(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Div>{b}, {a});
}
inline Tensor operator/(double a, const Tensor& b) {
  return elementwise(functors::WithLeft<functors::Div>{a}, {b});
}

// 1 where a == b, a != b, a < b, a <= b, a > b, a >= b, else 0, as u8; with NaN only `ne` is 1. Not
// differentiable: the result has no history, also where a or b requires a gradient.
inline Tensor eq(const Tensor& a, const Tensor& b) { return elementwise(functors::Eq{}, {a, b}); }
inline Tensor ne(const Tensor& a, const Tensor& b) { return elementwise(functors::Ne{}, {a, b}); }
inline Tensor lt(const Tensor& a, const Tensor& b) { return elementwise(functors::Lt{}, {a, b}); }
inline Tensor le(const Tensor& a, const Tensor& b) { return elementwise(functors::Le{}, {a, b}); }
inline Tensor gt(const Tensor& a, const Tensor& b) { return elementwise(functors::Gt{}, {a, b}); }
inline Tensor ge(const Tensor& a, const Tensor& b) { return elementwise(functors::Ge{}, {a, b}); }

inline Tensor eq(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Eq>{b}, {a});
}
inline Tensor ne(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Ne>{b}, {a});
}
inline Tensor lt(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Lt>{b}, {a});
}
inline Tensor le(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Le>{b}, {a});
}
inline Tensor gt(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Gt>{b}, {a});
}
inline Tensor ge(const Tensor& a, double b) {
  return elementwise(functors::WithRight<functors::Ge>{b}, {a});
}

// a where condition is not 0, else b. condition is u8, as comparisons give it; a and b have one
// dtype; all three broadcast. The gradient dy goes to the one that was taken, 0 to the other,
// whatever dy is. Differentiable by a and b.
inline Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return elementwise(functors::Where{}, {condition, a, b});
}

// The same values in another floating-point dtype; the gradient is cast back.
Tensor cast(const Tensor& x, DType dtype);

// --- reductions ----------------------------------------------------------------------------------

// Sum, mean and maximum over the dimensions in `dims` (negative ones count from the end; none
// given: over all). keepdim leaves them with extent 1. The gradient of amax is shared by equal
// maxima.
Tensor sum(const Tensor& x, const std::vector<std::int64_t>& dims = {}, bool keepdim = false);
Tensor mean(const Tensor& x, const std::vector<std::int64_t>& dims = {}, bool keepdim = false);
Tensor amax(const Tensor& x, const std::vector<std::int64_t>& dims = {}, bool keepdim = false);

// --- shape ---------------------------------------------------------------------------------------

// The same elements under another shape; one extent may be -1 and is computed. Shares memory.
Tensor reshape(const Tensor& x, const std::vector<std::int64_t>& extents);
// result[i_0, i_1, ...]: dimension d of the result is dimension order[d] of x.
Tensor permute(const Tensor& x, const std::vector<std::int64_t>& order);
// The tensors one after the other along `dim`; their other extents are equal.
Tensor concat(const Tensors& tensors, std::int64_t dim);
// Elements [start, start + length) of dimension `dim`, copied.
Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length);

// y[i, ...] = x[indices[i], ...]: chosen rows of the leading dimension, of any dtype, such as a
// batch out of all images. indices [N] i64. An index that x does not have throws on the CPU and
// gives zeros on a CUDA device, which cannot complain without making the host wait. Not
// differentiable.
Tensor index_select(const Tensor& x, const Tensor& indices);

// --- probabilities and losses --------------------------------------------------------------------

// exp(x_i) / sum_j exp(x_j) over the last dimension, shifted by the maximum so that nothing
// overflows.
Tensor softmax(const Tensor& x);
// x_i - log sum_j exp(x_j) over the last dimension.
Tensor log_softmax(const Tensor& x);

// Mean over all elements of
//
//   weight [ (1 - t) z + (1 + (positive_weight - 1) t) log(1 + exp(-z)) ]
//
// where z = logits, t = targets and log(1 + exp(-z)) is computed as log1p(exp(-|z|)) + max(-z, 0),
// so that |z| up to 1e4 is exact. logits and targets (in [0, 1]) have one shape; weight has it too,
// or is undefined for all ones; the mean divides by the number of elements, not by the weights'
// sum. Scalar; differentiable by logits.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets,
                                        const Tensor& weight = {}, double positive_weight = 1);

// Mean over n of -log softmax(logits[n])[targets[n]]. logits [N,K], targets [N] i64 in [0, K).
// Scalar; differentiable by logits. A target out of range throws; on CUDA both losses become NaN.
Tensor cross_entropy(const Tensor& logits, const Tensor& targets);

// --- randomness ----------------------------------------------------------------------------------

// Each element is zeroed with probability p, else scaled by 1 / (1 - p), 0 <= p < 1. `key` is an
// i64 tensor {seed, stream, step, first_sample}: what happens to element j of sample n (x [N, ...])
// is a function of (seed, stream, step, first_sample + n, j) alone. Backward draws the same mask
// again. Source: Srivastava et al., "Dropout", JMLR 2014.
Tensor dropout(const Tensor& x, double p, const Tensor& key);

// --- images --------------------------------------------------------------------------------------

struct WarpOptions {
  std::int64_t height, width;     // of the output
  std::vector<double> mean, std;  // one a channel of the output, in units of [0, 1]
  DType dtype = DType::f32;
};

// Augmentation, resampling and normalisation in one pass: for the centre of each output pixel,
//
//   (x, y) = matrix (column, row, 1)      pixel centres are at whole numbers
//   output[n, row, column, c] = (bilinear(images[n], x, y) / 255 - mean[c]) / std[c]
//
// where the image is black (0) outside. images [N,H,W,1] or [N,H,W,C], u8; grey is repeated in all
// C channels; matrices [N,2,3] f32 (or f64), output to input. Not differentiable.
Tensor warp_affine(const Tensor& images, const Tensor& matrices, const WarpOptions& options);

}  // namespace osteon
