// Chapter 4 of the book: convolution. The definition, the matrix product and both gradients are
// compared with the library's conv2d in f64; then operations and bytes of some layers are counted.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "ops/ops.h"
#include "tensor/autograd.h"
#include "tensor/creation.h"

using namespace osteon;
using std::int64_t;

namespace {

constexpr int64_t kStride = 2, kPadding = 1;
constexpr Conv2dOptions kOptions{.stride = kStride, .padding = kPadding};

int64_t output_extent(int64_t input, int64_t kernel) {
  return (input + 2 * kPadding - kernel) / kStride + 1;
}

// visit(m, j, e): element j of the window of output pixel m is element e of x. Elements outside the
// image are left out.
template <class Visit>
void for_each_element(const Shape& x, const Shape& filters, const Visit& visit) {
  const int64_t H = x[1], W = x[2], C = x[3], R = filters[1], S = filters[2];
  const int64_t P = output_extent(H, R), Q = output_extent(W, S);
  for (int64_t m = 0; m < x[0] * P * Q; ++m)
    for (int64_t j = 0; j < R * S * C; ++j) {
      const int64_t n = m / (P * Q), p = m / Q % P, q = m % Q;
      const int64_t r = j / (S * C), s = j / C % S, c = j % C;
      const int64_t h = p * kStride + r - kPadding, w = q * kStride + s - kPadding;
      if (0 <= h && h < H && 0 <= w && w < W) visit(m, j, ((n * H + h) * W + w) * C + c);
    }
}

int64_t window_elements(const Shape& filters) { return filters.numel() / filters[0]; }

Tensor by_definition(const Tensor& x, const Tensor& weight, const Shape& output) {
  const Tensor y = zeros(output, DType::f64);
  const int64_t K = weight.dim(0), J = window_elements(weight.shape());
  for_each_element(x.shape(), weight.shape(), [&](int64_t m, int64_t j, int64_t e) {
    for (int64_t k = 0; k < K; ++k)
      y.data<double>()[m * K + k] += x.data<double>()[e] * weight.data<double>()[k * J + j];
  });
  return y;
}

// im2col: one row per output pixel, one column per element of a window.
Tensor windows_of(const Tensor& x, const Shape& filters) {
  const int64_t J = window_elements(filters);
  const int64_t pixels = output_extent(x.dim(1), filters[1]) * output_extent(x.dim(2), filters[2]);
  const Tensor X = zeros({x.dim(0) * pixels, J}, DType::f64);
  for_each_element(x.shape(), filters, [&](int64_t m, int64_t j, int64_t e) {
    X.data<double>()[m * J + j] = x.data<double>()[e];
  });
  return X;
}

// col2im: adds each element of the rows back to its pixel.
Tensor add_windows(const Tensor& dX, const Shape& x, const Shape& filters) {
  const Tensor dx = zeros(x, DType::f64);
  for_each_element(x, filters, [&](int64_t m, int64_t j, int64_t e) {
    dx.data<double>()[e] += dX.data<double>()[m * dX.dim(1) + j];
  });
  return dx;
}

// dy with stride - 1 zeros between its pixels, and zeros below and right of them as far as the
// windows of flipped filters reach.
Tensor spread(const Tensor& dy, const Shape& x, const Shape& filters) {
  const int64_t P = dy.dim(1), Q = dy.dim(2), K = dy.dim(3);
  const int64_t height = x[1] + 2 * kPadding - filters[1] + 1;
  const int64_t width = x[2] + 2 * kPadding - filters[2] + 1;
  const Tensor d = zeros({dy.dim(0), height, width, K}, DType::f64);
  for (int64_t i = 0; i < dy.numel(); ++i) {
    const int64_t n = i / (P * Q * K), p = i / (Q * K) % P, q = i / K % Q, k = i % K;
    d.data<double>()[((n * height + p * kStride) * width + q * kStride) * K + k] =
        dy.data<double>()[i];
  }
  return d;
}

// "below 1e-12" if no element differs by more.
void compare(const char* what, const Tensor& a, const Tensor& b) {
  double difference = 0;
  const std::vector<double> left = a.to_vector(), right = b.to_vector();
  for (std::size_t i = 0; i < left.size(); ++i)
    difference = std::max(difference, std::abs(left[i] - right[i]));
  std::printf("%-44s ", what);
  std::printf(difference < 1e-12 ? "below 1e-12\n" : "%.1e\n", difference);
}

// The gradient of sum(dy * y) with respect to x or weight by central differences of step 1.
Tensor by_differences(const Tensor& x, const Tensor& weight, const Tensor& dy, const Tensor& of) {
  const Tensor gradient = empty_like(of);
  for (int64_t i = 0; i < of.numel(); ++i) {
    double& element = of.data<double>()[i];
    element += 1;
    const Tensor above = conv2d(x, weight, {}, kOptions);
    element -= 2;
    const Tensor below = conv2d(x, weight, {}, kOptions);
    element += 1;
    gradient.data<double>()[i] = sum(dy * (above - below)).item() / 2;
  }
  return gradient;
}

// One line of the table; a batch of 16 images in f32, each tensor read or written once.
void count(const char* name, double pixels, double channels, double filters, double side,
           double stride, double groups = 1) {
  const double outputs = pixels / (stride * stride) * filters, batch = 16;
  const double flops = 2 * batch * outputs * side * side * channels / groups;
  const double bytes =
      4 * (batch * (pixels * channels + outputs) + filters * side * side * channels / groups);
  const double matrix = 4 * batch * pixels / (stride * stride) * side * side * channels;
  std::printf("%-34s %6.2f %7.1f %10.1f %8.0f\n", name, flops / 1e9, bytes / 1e6, flops / bytes,
              matrix / 1e6);
}

}  // namespace

int main() {
  std::printf("-- windows of the image 1 to 16 (4 x 4), 3 x 3, stride 2, padding 1\n");
  const Tensor small = windows_of(arange(1, 17, 1, DType::f64).view({1, 4, 4, 1}), {1, 3, 3, 1});
  for (int64_t row = 0; row < small.dim(0); ++row) {
    for (int64_t i = 0; i < 9; ++i) std::printf("%4.0f", small.data<double>()[row * 9 + i]);
    std::printf("\n");
  }

  Tensor x = rand({2, 6, 7, 3}, 1, 0, DType::f64), weight = rand({4, 3, 3, 3}, 1, 1, DType::f64);
  x.set_requires_grad(true);
  weight.set_requires_grad(true);
  const Tensor y = conv2d(x, weight, {}, kOptions);
  const Tensor dy = randn(y.shape(), 1, 2, DType::f64);
  backward(y, dy);
  const NoGrad no_grad;

  std::printf("-- largest difference from conv2d, x [2,6,7,3], weight [4,3,3,3]\n");
  compare("y by the definition", by_definition(x, weight, y.shape()), y);
  const Tensor X = windows_of(x, weight.shape());
  const Tensor W = weight.view({4, 27}), dY = dy.view({dy.numel() / 4, 4});
  compare("y = X W^T", matmul(X, W, false, true), y);
  compare("gradient of weight = dY^T X", matmul(dY, X, true), weight.grad());
  compare("gradient of x = dY W, added to pixels",
          add_windows(matmul(dY, W), x.shape(), weight.shape()), x.grad());
  const Tensor flipped = permute(flip(weight, {1, 2}), {3, 1, 2, 0});
  compare("gradient of x by flipped filters",
          conv2d(spread(dy, x.shape(), weight.shape()), flipped, {}, {.padding = 3 - 1 - kPadding}),
          x.grad());
  compare("gradient of x by central differences", by_differences(x, weight, dy, x), x.grad());
  compare("gradient of weight by central differences", by_differences(x, weight, dy, weight),
          weight.grad());

  std::printf("-- 16 images, f32             %10s GFLOP      MB  FLOP/byte  X in MB\n", "");
  count("7x7, 3 to 64, 224 px, stride 2", 224 * 224, 3, 64, 7, 2);
  count("1x1, 64 to 256, 56 px", 56 * 56, 64, 256, 1, 1);
  count("3x3, 64 to 64, 56 px", 56 * 56, 64, 64, 3, 1);
  count("3x3, 512 to 512, 7 px", 7 * 7, 512, 512, 3, 1);
  count("3x3 depthwise, 144, 56 px", 56 * 56, 144, 144, 3, 1, 144);
}
