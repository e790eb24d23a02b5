// Winograd's transforms for 3x3 kernels of stride 1.
//
// A tile of m outputs per axis is a product of polynomials with m + 2 coefficients. Such a product
// is cheap where the polynomials are known by their values at m + 1 points and at infinity: one
// multiplication per point instead of 3 m. For images, with both axes transformed,
//
//   Y = A^T [ (G g G^T) . (B^T d B) ] A,   d: a tile of (m+2)^2 pixels, g: 3x3, Y: m x m outputs
//
// where the dot multiplies element by element; summed over channels it is (m+2)^2 matrix products.
// So an output takes (m+2)^2 / m^2 multiplications instead of 9: 4 for m = 2, 2.25 for m = 4.
// The gradients follow from the linear maps: of the input by the flipped kernel, of the kernel as
// G^T [ (A dY A^T) . (B^T d B) ] G.
//
// The points decide the rounding errors. For m = 2 they are 0, 1, -1. For m = 4 the usual 0, 1, -1,
// 2, -2 lose two bits; 0, 3/4, -3/4, 3/2, -3/2 keep the powers near 1 and lose less than one
// (docs/performance.md; B. Barabasz et al., "Error analysis and improving the accuracy of Winograd
// convolution for deep neural networks", 2020).
//
// Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", 2016.
#pragma once

#include "ops/cpu/convolution/tile.h"

namespace osteon::cpu::OSTEON_CPU_SET {

// One axis of the transforms, on vectors of channels or filters.
template <int m>
struct WinogradAxis;

template <>
struct WinogradAxis<2> {
  [[gnu::always_inline]] static void input(const TileLanes (&d)[4], TileLanes (&v)[4]) {  // B^T
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[3] - d[1];
  }
  [[gnu::always_inline]] static void filter(const TileLanes (&g)[3], TileLanes (&u)[4]) {  // G
    const TileLanes even = (g[0] + g[2]) * 0.5F, odd = g[1] * 0.5F;
    u[0] = g[0];
    u[1] = even + odd;
    u[2] = even - odd;
    u[3] = g[2];
  }
  [[gnu::always_inline]] static void output(const TileLanes (&p)[4], TileLanes (&y)[2]) {  // A^T
    y[0] = p[0] + p[1] + p[2];
    y[1] = p[1] - p[2] + p[3];
  }
  [[gnu::always_inline]] static void output_gradient(const TileLanes (&y)[2],
                                                     TileLanes (&p)[4]) {  // A
    p[0] = y[0];
    p[1] = y[0] + y[1];
    p[2] = y[0] - y[1];
    p[3] = y[1];
  }
  [[gnu::always_inline]] static void filter_gradient(const TileLanes (&u)[4],
                                                     TileLanes (&g)[3]) {  // G^T
    const TileLanes even = (u[1] + u[2]) * 0.5F;
    g[0] = u[0] + even;
    g[1] = (u[1] - u[2]) * 0.5F;
    g[2] = u[3] + even;
  }
};

// The values at p and -p share their even and odd parts.
template <>
struct WinogradAxis<4> {
  static constexpr double p = 0.75, q = 1.5, pp = p * p, qq = q * q;
  // 1 / the product of a point's distances from the other points
  static constexpr double scale_0 = 1 / (pp * qq);
  static constexpr double scale_p = 1 / (2 * pp * (pp - qq));
  static constexpr double scale_q = 1 / (2 * qq * (qq - pp));
  static constexpr float lane(double value) { return static_cast<float>(value); }

  [[gnu::always_inline]] static void input(const TileLanes (&d)[6], TileLanes (&v)[6]) {
    const TileLanes even_p = d[4] - d[2] * lane(qq), odd_p = (d[3] - d[1] * lane(qq)) * lane(p);
    const TileLanes even_q = d[4] - d[2] * lane(pp), odd_q = (d[3] - d[1] * lane(pp)) * lane(q);
    v[0] = d[0] * lane(pp * qq) - d[2] * lane(pp + qq) + d[4];
    v[1] = even_p + odd_p;
    v[2] = even_p - odd_p;
    v[3] = even_q + odd_q;
    v[4] = even_q - odd_q;
    v[5] = d[1] * lane(pp * qq) - d[3] * lane(pp + qq) + d[5];
  }
  [[gnu::always_inline]] static void filter(const TileLanes (&g)[3], TileLanes (&u)[6]) {
    const TileLanes even_p = g[0] * lane(scale_p) + g[2] * lane(scale_p * pp);
    const TileLanes even_q = g[0] * lane(scale_q) + g[2] * lane(scale_q * qq);
    const TileLanes odd_p = g[1] * lane(scale_p * p), odd_q = g[1] * lane(scale_q * q);
    u[0] = g[0] * lane(scale_0);
    u[1] = even_p + odd_p;
    u[2] = even_p - odd_p;
    u[3] = even_q + odd_q;
    u[4] = even_q - odd_q;
    u[5] = g[2];
  }
  [[gnu::always_inline]] static void output(const TileLanes (&v)[6], TileLanes (&y)[4]) {
    const TileLanes even_p = v[1] + v[2], odd_p = v[1] - v[2];
    const TileLanes even_q = v[3] + v[4], odd_q = v[3] - v[4];
    y[0] = v[0] + even_p + even_q;
    y[1] = odd_p * lane(p) + odd_q * lane(q);
    y[2] = even_p * lane(pp) + even_q * lane(qq);
    y[3] = odd_p * lane(p * pp) + odd_q * lane(q * qq) + v[5];
  }
  [[gnu::always_inline]] static void output_gradient(const TileLanes (&y)[4], TileLanes (&v)[6]) {
    const TileLanes even_p = y[0] + y[2] * lane(pp), odd_p = y[1] * lane(p) + y[3] * lane(p * pp);
    const TileLanes even_q = y[0] + y[2] * lane(qq), odd_q = y[1] * lane(q) + y[3] * lane(q * qq);
    v[0] = y[0];
    v[1] = even_p + odd_p;
    v[2] = even_p - odd_p;
    v[3] = even_q + odd_q;
    v[4] = even_q - odd_q;
    v[5] = y[3];
  }
  [[gnu::always_inline]] static void filter_gradient(const TileLanes (&u)[6], TileLanes (&g)[3]) {
    const TileLanes even_p = u[1] + u[2], odd_p = u[1] - u[2];
    const TileLanes even_q = u[3] + u[4], odd_q = u[3] - u[4];
    g[0] = u[0] * lane(scale_0) + even_p * lane(scale_p) + even_q * lane(scale_q);
    g[1] = odd_p * lane(scale_p * p) + odd_q * lane(scale_q * q);
    g[2] = even_p * lane(scale_p * pp) + even_q * lane(scale_q * qq) + u[5];
  }
};

// Both axes: transforms the columns of n x n vectors, which from(row, column) gives, then the rows,
// and passes the k x k results to to(row, column, vector).
template <auto axis, int n, int k, class From, class To>
[[gnu::always_inline]] inline void transform_both_axes(const From& from, const To& to) {
  TileLanes middle[k][n];
#pragma GCC unroll 8
  for (int column = 0; column < n; ++column) {
    TileLanes in[n], out[k];
#pragma GCC unroll 8
    for (int row = 0; row < n; ++row) in[row] = from(row, column);
    axis(in, out);
#pragma GCC unroll 8
    for (int row = 0; row < k; ++row) middle[row][column] = out[row];
  }
#pragma GCC unroll 8
  for (int row = 0; row < k; ++row) {
    TileLanes out[k];
    axis(middle[row], out);
#pragma GCC unroll 8
    for (int column = 0; column < k; ++column) to(row, column, out[column]);
  }
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
