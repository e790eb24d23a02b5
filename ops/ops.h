// Every operation on one page. Common rules:
//
// * Tensors are dense and row-major; images are [N, H, W, C], filters [K, R, S, C / groups].
// * All inputs of an op are on one device. Floating-point ops take f64, f32 and bf16; sums and
//   products of bf16 are computed in f32.
// * An op is differentiable with respect to every floating-point input unless its entry says
//   otherwise, and computes only the gradients that are needed.
// * A wrong rank, shape, dtype or option throws Error naming the op, the value found and the value
//   expected. These checks are not repeated below.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ops/functors.h"
#include "tensor/autograd.h"
#include "tensor/tensor.h"

namespace osteon {

// A pair of numbers for the two spatial directions; a single number is used for both.
struct Spatial {
  std::int64_t height, width;
  // NOLINTNEXTLINE(google-explicit-constructor): `stride = 2` is the common notation.
  constexpr Spatial(std::int64_t both) : height(both), width(both) {}
  constexpr Spatial(std::int64_t height_, std::int64_t width_) : height(height_), width(width_) {}
  bool operator==(const Spatial&) const = default;
};

// --- convolution ---------------------------------------------------------------------------------

// Rows or columns added on each side of an image: one number for all sides, {height, width} for
// both sides of a direction, or {top, bottom, left, right}.
struct Padding {
  std::int64_t top, bottom, left, right;
  // NOLINTNEXTLINE(google-explicit-constructor): `padding = 1` is the common notation.
  constexpr Padding(std::int64_t all) : Padding(all, all) {}
  // NOLINTNEXTLINE(google-explicit-constructor): as above.
  constexpr Padding(const Spatial& both) : Padding(both.height, both.width) {}
  constexpr Padding(std::int64_t height, std::int64_t width)
      : Padding(height, height, width, width) {}
  constexpr Padding(std::int64_t top_, std::int64_t bottom_, std::int64_t left_,
                    std::int64_t right_)
      : top(top_), bottom(bottom_), left(left_), right(right_) {}
  bool operator==(const Padding&) const = default;
};

struct Conv2dOptions {
  Spatial stride = 1;
  Padding padding = 0;  // zeros
  Spatial dilation = 1;
  std::int64_t groups = 1;
  bool operator==(const Conv2dOptions&) const = default;
};

// Cross-correlation, which deep learning calls convolution:
//
//   y[n,p,q,k] = bias[k] + sum over r,s,c of x[n,i,j,d] weight[k,r,s,c],   where
//   i = p stride + r dilation - padding.top,   j = q stride + s dilation - padding.left,
//   d = g C/groups + c,   g = floor(k groups / K), the group of k
//
// x [N,H,W,C], weight [K,R,S,C/groups], bias [K] or undefined; y [N,P,Q,K] with
// P = floor((H + padding.top + padding.bottom - dilation (R - 1) - 1) / stride) + 1, Q likewise
// from W, padding.left and padding.right.
// If x is bf16, weight and bias may be f32: weight is rounded to bf16, sums are f32, and the
// gradients of weight and bias are f32, unrounded.
// Gradients: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv2dOptions& options = {});

// What conv2d_add_activation and batch_norm compute in their last pass: the ops of these names.
enum class Activation { none, relu, relu6, silu };

// activation(conv2d(x, weight, bias) + residual) in one pass: a residual block in inference, after
// batch norm is folded into weight and bias. residual has the shape and dtype of the output, or is
// undefined. Not differentiable.
Tensor conv2d_add_activation(const Tensor& x, const Tensor& weight, const Tensor& bias,
                             const Tensor& residual, Activation activation,
                             const Conv2dOptions& options = {});

struct ConvTranspose2dOptions {
  Spatial stride = 1;
  Padding padding = 0;         // rows and columns removed on each side of the result
  Spatial output_padding = 0;  // rows and columns added at the bottom and right; below the stride
  Spatial dilation = 1;
  std::int64_t groups = 1;
};

// The gradient of conv2d with respect to its input, as an op: each pixel of x adds its multiple of
// the filters to a window of y, and windows are `stride` apart.
//
//   y[n, p stride + r dilation - padding.top, q stride + s dilation - padding.left, k] +=
//     x[n,p,q,c] weight[c,r,s,k - g K/groups],   g = floor(c groups / C), the group of c and k
//
// x [N,H,W,C], weight [C,R,S,K/groups] (PyTorch's is [C,K/groups,R,S]), bias [K] or undefined;
// y [N,P,Q,K] with
// P = (H - 1) stride - padding.top - padding.bottom + dilation (R - 1) + output_padding + 1, Q
// likewise. Dtypes as for conv2d. Source: Dumoulin & Visin (above), chapter 4.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose2dOptions& options = {});

// --- normalisation -------------------------------------------------------------------------------

struct BatchNormOptions {
  bool training = true;   // normalise by the batch's statistics and update the running statistics
  double momentum = 0.1;  // weight of the new value in the running statistics
  double epsilon = 1e-5;  // added to the variance
  Activation activation = Activation::none;  // at the end, in the same pass
};

// Batch normalisation over all dimensions except the last (M values per channel), with the residual
// addition and the activation that follow it in a network:
//
//   y = activation( (x - mean) / sqrt(var + epsilon) * weight + bias + residual )
//
// Training: mean and var are the batch's (var divides by M); running <- (1 - momentum) running +
// momentum batch, where the batch's variance divides by M - 1; needs M > 1. Otherwise mean and var
// are the running statistics. x [..., C]; weight, bias, running_mean, running_var [C], f32 if x is
// bf16; residual has the shape and dtype of x, or is undefined; there is none with silu, whose
// gradient needs its input. Differentiable with respect to x, weight, bias and residual. Source:
// Ioffe & Szegedy, "Batch Normalization", 2015, algorithms 1 and 2.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options = {}, const Tensor& residual = {});

// One layer of a dense block: c channels in, g new ones out, through k inner ones.
struct DenseLayer {
  Tensor norm1_weight, norm1_bias, norm1_running_mean, norm1_running_var;  // [c]
  Tensor conv1_weight;                                                     // [k,1,1,c]
  Tensor norm2_weight, norm2_bias, norm2_running_mean, norm2_running_var;  // [k]
  Tensor conv2_weight;                                                     // [g,3,3,k]
};

struct DenseBlockOptions {
  bool training = true;  // as in BatchNormOptions, for all batch norms of the block
  double momentum = 0.1;
  double epsilon = 1e-5;
};

// A dense block: each layer sees the channels of x and of all layers before it,
//
//   y_0 = x,   y_i+1 = concat(y_i, conv2(relu(norm2(conv1(relu(norm1(y_i)))))))
//
// where conv2 has a padding of 1. All y_i are the first channels of one buffer, the result, so that
// nothing is concatenated, and memory grows linearly with the number of layers: backward computes
// the results of the batch norms again. x [N,H,W,C]; y [N,H,W, C + all g]; if x is bf16, the norms'
// tensors are f32, and filters may be. Training changes the running statistics and needs more than
// one value per channel. Differentiable with respect to x, and the weights and biases of all
// layers. Sources: Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional
// Networks", CVPR 2017; Pleiss et al., "Memory-Efficient Implementation of DenseNets", 2017.
Tensor dense_block(const Tensor& x, const std::vector<DenseLayer>& layers,
                   const DenseBlockOptions& options = {});

// Layer normalisation over the last dimension, of C elements:
//
//   y = (x - mean) / sqrt(var + epsilon) * weight + bias,   mean and var (divided by C) of each row
//
// x [..., C]; weight, bias [C], f32 if x is bf16. Source: Ba, Kiros, Hinton, "Layer Normalization",
// 2016.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon = 1e-5);

// The same over all pixels and the channels of one of `groups` groups of consecutive channels. x
// [N,H,W,C]; weight, bias [C], f32 if x is bf16. Source: Wu & He, "Group Normalization", 2018.
Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight, const Tensor& bias,
                  double epsilon = 1e-5);

// (w - mean) / sqrt(var + epsilon), mean and var (divided by the number of elements) of each filter
// of weight [K,R,S,C]. Source: Qiao et al., "Micro-Batch Training with Batch-Channel Normalization
// and Weight Standardization", 2019.
Tensor standardised(const Tensor& weight, double epsilon = 1e-6);

// --- pooling -------------------------------------------------------------------------------------

struct Pool2dOptions {
  Spatial kernel_size = 2;
  Spatial stride = 2;
  Padding padding = 0;            // at most half the kernel on each side
  bool ceil_mode = false;         // round the number of windows up
  bool count_include_pad = true;  // avg_pool2d: divide by the number of positions with the padding
};

// y[n,p,q,c] = the largest x in the window at (p stride - padding.top, q stride - padding.left);
// padding is ignored. The gradient goes to the first largest element in row-major order. A window
// has at most 255 positions. x [N,H,W,C]; y [N,P,Q,C] with
// P = floor((H + padding.top + padding.bottom - kernel) / stride) + 1, Q likewise from W. With
// ceil_mode the quotient is rounded up, but a last window that would start below the image and the
// padding at its top is left out. TensorFlow's "same", kernel 3, stride 2, even H: {0, 1, 0, 1}.
Tensor max_pool2d(const Tensor& x, const Pool2dOptions& options);

// The mean over the same windows. Padding counts as zeros, and its positions in the divisor only if
// count_include_pad. Positions beyond the padding, which ceil_mode may reach, never count.
Tensor avg_pool2d(const Tensor& x, const Pool2dOptions& options);

// The mean over windows that divide the image as evenly as possible: output row i is the mean over
// rows floor(i H / height) to ceil((i + 1) H / height) - 1. x [N,H,W,C]; y [N, height, width, C].
Tensor adaptive_avg_pool2d(const Tensor& x, const Spatial& output);

// The mean over all pixels: [N,H,W,C] -> [N,C].
Tensor global_avg_pool2d(const Tensor& x);

// --- products ------------------------------------------------------------------------------------

// y = x weight^T + bias. x [..., in], weight [out, in], bias [out] or undefined; y [..., out].
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// Matrix product of the last two dimensions, with either factor optionally transposed. The leading
// dimensions broadcast as for `add`: a weight [M, K] and a batch b [B, K, N] give [B, M, N]; the
// gradient of the weight is summed over the batch. a [..., M, K], b [..., K, N], both of rank 2 or
// more; result [..., M, N].
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);

// Attention: for each sample and head, with rows of E elements,
//
//   y = softmax(query key^T / sqrt(E)) value
//
// query [N,L,heads,E], key and value [N,S,heads,E]; y [N,L,heads,E]. (PyTorch's function has the
// heads before the positions.) Source: Vaswani et al., "Attention Is All You Need", 2017.
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value);

// --- elementwise ---------------------------------------------------------------------------------

// The functions below apply the functors of functors.h to whole tensors, with NumPy's broadcasting:
// shapes are aligned at the right, a missing dimension or one of extent 1 is repeated, and
// gradients are summed over the repeated dimensions. A number next to a tensor is used in the
// precision of the computation: the tensor's, or f32 if that is bf16.
template <class Functor>
Tensor elementwise(const Functor& functor,
                   const std::array<Tensor, functors::kOperands<Functor>>& inputs);

// -x.
inline Tensor neg(const Tensor& x) { return elementwise(functors::Neg{}, {x}); }
// |x|; the gradient at 0 is 0.
inline Tensor abs(const Tensor& x) { return elementwise(functors::Abs{}, {x}); }
// -1, 0 or 1; 0 if x is NaN, as in PyTorch. The gradient is 0.
inline Tensor sign(const Tensor& x) { return elementwise(functors::Sign{}, {x}); }
// x, but at least min and at most max; NaN if x is NaN. The gradient is dy if min < x < max, else
// 0. Throws unless min <= max; either may be infinite.
inline Tensor clamp(const Tensor& x, double min, double max) {
  return elementwise(functors::Clamp{min, max}, {x});
}
// x^exponent, NaN if x is negative and the exponent is not a whole number; 0^0 is 1. The gradient
// is exponent x^(exponent - 1), 0 for exponent 0; it is infinite at 0 for exponents below 1.
inline Tensor pow(const Tensor& x, double exponent) {
  return elementwise(functors::Pow{exponent}, {x});
}
// sqrt(x) and 1 / sqrt(x), NaN if x is negative. The gradient at 0 is infinite.
inline Tensor sqrt(const Tensor& x) { return elementwise(functors::Sqrt{}, {x}); }
inline Tensor rsqrt(const Tensor& x) { return elementwise(functors::Rsqrt{}, {x}); }
// exp(x), and exp(x) - 1, which is also exact for small x.
inline Tensor exp(const Tensor& x) { return elementwise(functors::Exp{}, {x}); }
inline Tensor expm1(const Tensor& x) { return elementwise(functors::Expm1{}, {x}); }
// The natural logarithm of x, and of 1 + x, which is also exact for small x: -infinity for the
// logarithm of 0, NaN for one of a negative number.
inline Tensor log(const Tensor& x) { return elementwise(functors::Log{}, {x}); }
inline Tensor log1p(const Tensor& x) { return elementwise(functors::Log1p{}, {x}); }
// Of an angle in radians.
inline Tensor sin(const Tensor& x) { return elementwise(functors::Sin{}, {x}); }
inline Tensor cos(const Tensor& x) { return elementwise(functors::Cos{}, {x}); }
// 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.
inline Tensor erf(const Tensor& x) { return elementwise(functors::Erf{}, {x}); }

// max(0, x); the gradient at 0 is 0.
inline Tensor relu(const Tensor& x) { return elementwise(functors::Relu{}, {x}); }
// min(max(0, x), 6); the gradient at 0 and at 6 is 0.
inline Tensor relu6(const Tensor& x) { return clamp(x, 0, 6); }
// max(0, x) + negative_slope min(0, x); the gradient at 0 is negative_slope dy.
inline Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01) {
  return elementwise(functors::LeakyRelu{negative_slope}, {x});
}
// x if x > 0, else alpha (exp(x) - 1); the gradient at 0 is alpha dy. Source: Clevert et al., "Fast
// and accurate deep network learning by exponential linear units", 2016.
inline Tensor elu(const Tensor& x, double alpha = 1) {
  return elementwise(functors::Elu{alpha}, {x});
}
// 1 / (1 + exp(-x)).
inline Tensor sigmoid(const Tensor& x) { return elementwise(functors::Sigmoid{}, {x}); }
// The hyperbolic tangent.
inline Tensor tanh(const Tensor& x) { return elementwise(functors::Tanh{}, {x}); }
// x sigmoid(x), also called swish; NaN at -infinity. Source: Elfwing et al., "Sigmoid-weighted
// linear units", 2018.
inline Tensor silu(const Tensor& x) { return elementwise(functors::Silu{}, {x}); }
// x times the cumulative normal distribution; NaN at -infinity. Source: Hendrycks & Gimpel,
// "Gaussian error linear units", 2016.
//
//   none:  x (1 + erf(x / sqrt(2))) / 2
//   tanh:  x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
enum class Approximate { none, tanh };
inline Tensor gelu(const Tensor& x, Approximate approximate = Approximate::none) {
  return approximate == Approximate::tanh ? elementwise(functors::GeluTanh{}, {x})
                                          : elementwise(functors::Gelu{}, {x});
}
// log(1 + exp(beta x)) / beta, computed without overflow; x if beta x > threshold, with gradient
// dy. Throws unless beta is finite and not 0.
inline Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20) {
  return elementwise(functors::Softplus{beta, threshold}, {x});
}
// relu6(x + 3) / 6 and x relu6(x + 3) / 6. The gradient of hardsigmoid at -3 and 3 is 0; that of
// hardswish is 0 at -3 and dy at 3. Source: Howard et al., "Searching for MobileNetV3", 2019.
inline Tensor hardsigmoid(const Tensor& x) { return elementwise(functors::Hardsigmoid{}, {x}); }
inline Tensor hardswish(const Tensor& x) { return elementwise(functors::Hardswish{}, {x}); }

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

// x * x.
inline Tensor square(const Tensor& x) { return x * x; }
// The larger and the smaller of a and b; NaN if either is NaN. Equal operands get half of the
// gradient each.
inline Tensor maximum(const Tensor& a, const Tensor& b) {
  return elementwise(functors::Maximum{}, {a, b});
}
inline Tensor minimum(const Tensor& a, const Tensor& b) {
  return elementwise(functors::Minimum{}, {a, b});
}

// + - * / with a number as one operand; no tensor is created for it.
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

// 1 if a == b, a != b, a < b, a <= b, a > b, a >= b, else 0, as u8; with NaN only `ne` is 1. Not
// differentiable: the result has no history, even if a or b requires a gradient.
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

// a if condition is not 0, else b, element by element. condition is u8, for example the result of a
// comparison; a and b have one dtype; all three broadcast. The gradient is dy for the chosen
// operand and 0 for the other, even if dy is not finite. Differentiable with respect to a and b.
inline Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return elementwise(functors::Where{}, {condition, a, b});
}

// The same values in another dtype, also to and from i64 and u8. To an integer, numbers are
// truncated toward zero; those out of its range become its nearest number, and NaN becomes 0
// (PyTorch's result for them differs between processors). Between floating-point dtypes the
// gradient is cast back; otherwise there is none.
Tensor cast(const Tensor& x, DType dtype);

// --- reductions ----------------------------------------------------------------------------------

// Sum, mean and maximum over the dimensions in `dims` (negative ones count from the end; empty: all
// dimensions). keepdim keeps them with extent 1. Equal maxima share the gradient of amax equally.
Tensor sum(const Tensor& x, const std::vector<std::int64_t>& dims = {}, bool keepdim = false);
Tensor mean(const Tensor& x, const std::vector<std::int64_t>& dims = {}, bool keepdim = false);
Tensor amax(const Tensor& x, const std::vector<std::int64_t>& dims = {}, bool keepdim = false);

// The sum of (x - mean)^2 over the reduced dimensions, divided by their number of elements less
// `correction`, and its square root. Throws unless there are more elements than `correction`. Where
// the variance is 0, the gradient of std is 0.
Tensor var(const Tensor& x, const std::vector<std::int64_t>& dims = {}, std::int64_t correction = 1,
           bool keepdim = false);
Tensor std(const Tensor& x, const std::vector<std::int64_t>& dims = {}, std::int64_t correction = 1,
           bool keepdim = false);

// log of the sum of exp(x), shifted by the maximum to avoid overflow. -infinity if all elements are
// -infinity; their gradient is then NaN.
Tensor logsumexp(const Tensor& x, const std::vector<std::int64_t>& dims = {}, bool keepdim = false);

// 1 if any element, or all elements, of x are not 0, else 0. x and the result are u8. Without
// elements, any is 0 and all is 1.
Tensor any(const Tensor& x, const std::vector<std::int64_t>& dims = {}, bool keepdim = false);
Tensor all(const Tensor& x, const std::vector<std::int64_t>& dims = {}, bool keepdim = false);

// The position along `dim` of the largest and of the smallest element, as i64: the first of equal
// ones; NaN counts as both. keepdim keeps the dimension with extent 1. Not differentiable.
Tensor argmax(const Tensor& x, std::int64_t dim = -1, bool keepdim = false);
Tensor argmin(const Tensor& x, std::int64_t dim = -1, bool keepdim = false);

// The k largest elements of each row of x [..., N], the largest first, and their positions (i64);
// both are [..., k]. Of equal elements the first comes first; NaN is larger than every number. k <=
// N. The gradient of `values` goes to the chosen elements. On a CUDA device the time grows as k N.
struct TopK {
  Tensor values, indices;
};
TopK topk(const Tensor& x, std::int64_t k);

// --- shape ---------------------------------------------------------------------------------------

// A dimension `dim` or `dims` may be negative; it then counts from the end.

// The same elements with another shape; one extent may be -1 and is then computed. Shares memory.
Tensor reshape(const Tensor& x, const std::vector<std::int64_t>& extents);
// Dimensions start_dim to end_dim merged into one; a scalar becomes [1]. Shares memory.
Tensor flatten(const Tensor& x, std::int64_t start_dim = 0, std::int64_t end_dim = -1);
// Without dimension `dim` if its extent is 1; otherwise x. Shares memory.
Tensor squeeze(const Tensor& x, std::int64_t dim);
// With a new dimension `dim` of extent 1; -1 is a new last one. Shares memory.
Tensor unsqueeze(const Tensor& x, std::int64_t dim);
// result[i_0, i_1, ...]: dimension d of the result is dimension order[d] of x.
Tensor permute(const Tensor& x, const std::vector<std::int64_t>& order);
// x repeated: dimensions of extent 1 get the given extents, the others keep theirs. The extents are
// aligned with x at the right, so that more of them add leading dimensions; -1 keeps an extent.
// Floating point. The gradient is the sum over the repetitions.
Tensor expand(const Tensor& x, const std::vector<std::int64_t>& extents);

// Concatenates the tensors along `dim`; their other extents are equal.
Tensor concat(const Tensors& tensors, std::int64_t dim);
// The same along a new dimension `dim`; the tensors have one shape.
Tensor stack(const Tensors& tensors, std::int64_t dim = 0);
// Elements [start, start + length) of dimension `dim`, copied.
Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length);
// Consecutive pieces along `dim`, each of `size` (the last may be smaller), or of the given sizes.
Tensors split(const Tensor& x, std::int64_t size, std::int64_t dim = 0);
Tensors split(const Tensor& x, const std::vector<std::int64_t>& sizes, std::int64_t dim = 0);
// Elements start, start + step, ... below `end` of dimension `dim`: Python's x[start:end:step].
// Negative positions count from the end, those outside x are moved to its ends; step is at least 1.
Tensor slice(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t end,
             std::int64_t step = 1);

// The elements in reverse order along each of `dims`.
Tensor flip(const Tensor& x, const std::vector<std::int64_t>& dims);
// Each element moved by shifts[k] positions along dims[k]; those beyond the end return at the
// start.
Tensor roll(const Tensor& x, const std::vector<std::int64_t>& shifts,
            const std::vector<std::int64_t>& dims);

enum class PadMode {
  constant,   // `value`
  reflect,    // mirrored at the border pixel, which is not repeated: padding < extent
  replicate,  // the border pixel
};
// Images [N,H,W,C] of any dtype with rows and columns added on each side:
// [N, H + top + bottom, W + left + right, C]. Use concat for other dimensions.
Tensor pad(const Tensor& x, const Padding& padding, PadMode mode = PadMode::constant,
           double value = 0);

// --- indices -------------------------------------------------------------------------------------

// An index out of range throws on the CPU. A CUDA device cannot report it without making the host
// wait: there index_select and gather give zeros, and scatter_add ignores the element. Gradients
// add elements with equal indices in their order, with the same bits for any number of threads and
// in every run; no op here has a gradient with respect to the indices.

// y[..., i, ...] = x[..., indices[i], ...] in dimension `dim`: chosen rows of an embedding, or
// images of a data set. x has any dtype, indices [N] i64.
Tensor index_select(const Tensor& x, const Tensor& indices, std::int64_t dim = 0);
// y[i][j][k] = x[indices[i][j][k]][j][k] for dim = 0, likewise for the others. x has any dtype;
// indices i64 has the rank of x and no larger extents outside `dim`; y has the shape of indices.
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& indices);
// x, with src[i][j][k] added to element [indices[i][j][k]][j][k] for dim = 0, likewise for the
// others. indices i64 and src have one shape, with x's extents outside `dim` (PyTorch also takes
// smaller ones). On CUDA each element of the result walks along all indices of its line.
Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& indices, const Tensor& src);
// 1 at position indices[...] of a new last dimension, else 0, as f32 [..., num_classes].
Tensor one_hot(const Tensor& indices, std::int64_t num_classes);

// --- probabilities and losses --------------------------------------------------------------------

// exp(x_i) / sum_j exp(x_j) over the last dimension, shifted by the maximum to avoid overflow.
Tensor softmax(const Tensor& x);
// x_i - log sum_j exp(x_j) over the last dimension.
Tensor log_softmax(const Tensor& x);

// Mean over all elements of
//
//   weight [ (1 - t) z + (1 + (positive_weight - 1) t) log(1 + exp(-z)) ]
//
// where z = logits, t = targets and log(1 + exp(-z)) is computed as log1p(exp(-|z|)) + max(-z, 0),
// so that |z| up to 1e4 is exact. logits and targets (in [0, 1]) have one shape; weight has the
// same shape, or is undefined for all ones. The mean divides by the number of elements, not by the
// sum of the weights. Scalar; differentiable with respect to logits.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets,
                                        const Tensor& weight = {}, double positive_weight = 1);

struct CrossEntropyOptions {
  double label_smoothing = 0;        // the part of the target that is spread over all classes
  std::int64_t ignore_index = -100;  // samples with this target do not count
};

// With p = softmax(logits[n]), t = targets[n], w = weight, s = label_smoothing: the sum over n of
//
//   -(1 - s) w[t] log p[t] - s / K * sum over k of w[k] log p[k]
//
// divided by the sum over n of w[t], as in PyTorch. logits [N,K]; targets [N] i64 in [0, K) or
// ignore_index; weight [K], f32 if logits is bf16, or undefined for all ones. Scalar;
// differentiable with respect to logits. If all samples are ignored, the loss is NaN. A target out
// of range throws; on CUDA the loss becomes NaN (the same holds for
// binary_cross_entropy_with_logits). Source of label smoothing: Szegedy et al., "Rethinking the
// inception architecture", 2016.
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const Tensor& weight = {},
                     const CrossEntropyOptions& options = {});

// Mean over all elements of alpha_t (1 - p_t)^gamma (-log p_t), where p = sigmoid(logits), t =
// targets, p_t = p t + (1 - p) (1 - t) and alpha_t = alpha t + (1 - alpha) (1 - t); alpha_t is 1 if
// alpha is negative. logits and targets (in [0, 1]) have one shape. Scalar; differentiable with
// respect to logits; with 0 < gamma < 1 the gradient is NaN where 1 - p_t underflows to 0. Throws
// unless alpha <= 1 and gamma >= 0. Source: Lin et al., "Focal loss for
// dense object detection", 2017; torchvision's sigmoid_focal_loss.
Tensor focal_loss(const Tensor& logits, const Tensor& targets, double alpha = 0.25,
                  double gamma = 2);

// Mean over all elements of (x - target)^2. x and target have one shape; differentiable with
// respect to both.
Tensor mse_loss(const Tensor& x, const Tensor& target);
// Mean over all elements of d^2 / (2 beta) if d < beta, else d - beta / 2, where d = |x - target|;
// of d if beta is 0. x and target have one shape; differentiable with respect to both. Throws
// unless beta >= 0. Source: Girshick, "Fast R-CNN", 2015.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, double beta = 1);

// --- randomness ----------------------------------------------------------------------------------

// Each element is zeroed with probability p and otherwise scaled by 1 / (1 - p), 0 <= p < 1. `key`
// is an i64 tensor {seed, stream, step, first_sample}. The mask of element j of sample n (x [N,
// ...]) is a function of only (seed, stream, step, first_sample + n, j). Backward computes the same
// mask again. Source: Srivastava et al., "Dropout", JMLR 2014.
Tensor dropout(const Tensor& x, double p, const Tensor& key);

// The same for whole samples of x [N, ...]: each is zeroed or scaled by the mask of its element 0.
// Source: Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.
Tensor drop_path(const Tensor& x, double p, const Tensor& key);

// --- images --------------------------------------------------------------------------------------

struct WarpOptions {
  std::int64_t height, width;     // of the output
  std::vector<double> mean, std;  // one per output channel, in units of [0, 1]
  DType dtype = DType::f32;
};

// Augmentation, resampling and normalisation in one pass. For the centre of each output pixel:
//
//   (x, y) = matrix (column, row, 1)      pixel centres are at whole numbers
//   output[n, row, column, c] = (bilinear(images[n], x, y) / 255 - mean[c]) / std[c]
//
// where the image is black (0) outside its borders. images [N,H,W,1] or [N,H,W,C], u8; grey is
// repeated in all C channels; matrices [N,2,3] f32 (or f64), from output to input. Not
// differentiable.
Tensor warp_affine(const Tensor& images, const Tensor& matrices, const WarpOptions& options);

enum class UpsampleMode { nearest, bilinear, bicubic };

struct UpsampleOptions {
  UpsampleMode mode = UpsampleMode::nearest;
  bool align_corners = false;  // the centres of the corner pixels stay, otherwise the image's edges
  bool antialias = false;      // a filter as wide as the step, for sizes below the image's
};

// Images [N,H,W,C] resampled to any size, larger or smaller: F.interpolate(x, size=...). Positions
// beyond the border show the border pixel. align_corners and antialias are for bilinear and
// bicubic. The gradient is the transposed map.
Tensor upsample(const Tensor& x, const Spatial& size, const UpsampleOptions& options = {});

}  // namespace osteon
