// Our own convolutions (ops/cpu/convolution/) against the reference in float64, with an
// inaccessible page after, then before each tensor. ctest runs this once per instruction set.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "nn/init.h"
#include "ops/backend.h"
#include "ops/convolution/candidates.h"
#include "ops/kernels.h"
#include "tests/support/guarded_tensor.h"

using namespace osteon;
using convolution::Call;
using convolution::candidate;
using convolution::Direction;
using convolution::Kernel;

namespace {

struct Row {
  std::string name;
  Shape x, weight;
  Conv2dOptions options;
};

// Tiles are 6 or 14 rows by 8, 16 or 32 columns; blocks of the window have up to 576 channels,
// blocks of pixels up to 256. So these have whole tiles and tails in each dimension.
const Row kTable[] = {
    {"1x1", {2, 9, 7, 32}, {64, 1, 1, 32}, {}},
    {"1x1, odd numbers of channels", {1, 5, 5, 13}, {19, 1, 1, 13}, {}},
    {"one pixel", {1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {"one channel, many filters", {1, 4, 4, 1}, {70, 3, 3, 1}, {.padding = 1}},
    {"many channels, one filter", {1, 4, 4, 70}, {1, 3, 3, 70}, {.padding = 1}},
    {"3x3", {2, 8, 9, 64}, {32, 3, 3, 64}, {.padding = 1}},
    {"3x3 without padding", {2, 8, 9, 17}, {33, 3, 3, 17}, {}},
    {"three blocks of the window", {1, 5, 6, 180}, {40, 3, 3, 180}, {.padding = 1}},
    {"two blocks of pixels", {3, 11, 10, 32}, {16, 3, 3, 32}, {.padding = 1}},
    {"stride 2", {2, 9, 8, 32}, {24, 3, 3, 32}, {.stride = 2, .padding = 1}},
    {"stride 2 of a 1x1 kernel", {2, 7, 8, 32}, {17, 1, 1, 32}, {.stride = 2}},
    {"stride over the edge", {1, 2, 9, 8}, {5, 1, 1, 8}, {.stride = 4}},
    {"stem", {2, 20, 21, 3}, {64, 7, 7, 3}, {.stride = 2, .padding = 3}},
    {"dilation", {1, 12, 11, 20}, {18, 3, 3, 20}, {.padding = 2, .dilation = 2}},
    {"dilation and stride",
     {1, 13, 12, 9},
     {10, 3, 2, 9},
     {.stride = 3, .padding = 2, .dilation = 2}},
    {"different strides and padding",
     {1, 9, 10, 16},
     {16, 3, 5, 16},
     {.stride = {2, 1}, .padding = {0, 2}}},
    {"padding beyond the kernel", {1, 3, 3, 8}, {8, 2, 2, 8}, {.padding = 3}},
    {"padding per side", {2, 8, 9, 33}, {18, 3, 3, 33}, {.padding = {0, 1, 2, 3}}},
    {"padding at the end only",
     {1, 8, 10, 16},
     {32, 3, 3, 16},
     {.stride = 2, .padding = {0, 1, 0, 1}}},
    {"padding per side with stride",
     {2, 9, 8, 20},
     {17, 3, 4, 20},
     {.stride = 2, .padding = {3, 0, 1, 2}}},
    {"padding per side with dilation and stride",
     {1, 13, 12, 9},
     {10, 3, 2, 9},
     {.stride = {2, 3}, .padding = {1, 4, 3, 0}, .dilation = {2, 3}}},
    {"padding per side of a 1x1 kernel", {2, 5, 4, 24}, {40, 1, 1, 24}, {.padding = {0, 2, 0, 1}}},
    {"padding per side beyond the kernel", {1, 3, 3, 8}, {8, 2, 2, 8}, {.padding = {0, 4, 3, 0}}},
    {"groups", {2, 6, 5, 24}, {36, 3, 3, 6}, {.padding = 1, .groups = 4}},
    {"groups as wide as tiles", {1, 6, 5, 64}, {64, 3, 3, 32}, {.padding = 1, .groups = 2}},
    {"one channel per group", {2, 6, 5, 12}, {12, 3, 3, 1}, {.padding = 1, .groups = 12}},
    {"depthwise, more taps than a tile",
     {1, 9, 10, 40},
     {40, 5, 5, 1},
     {.padding = 2, .groups = 40}},
    {"depthwise with stride",
     {2, 12, 9, 33},
     {33, 3, 3, 1},
     {.stride = 2, .padding = 1, .groups = 33}},
    {"depthwise with dilation",
     {1, 12, 9, 64},
     {64, 3, 3, 1},
     {.padding = 2, .dilation = 2, .groups = 64}},
    {"groups with padding per side",
     {2, 7, 6, 24},
     {36, 3, 3, 6},
     {.stride = 2, .padding = {2, 0, 1, 3}, .groups = 4}},
    {"depthwise with padding per side",
     {1, 9, 10, 40},
     {40, 3, 5, 1},
     {.padding = {0, 3, 2, 1}, .groups = 40}},
    {"depthwise with padding per side, stride and dilation",
     {2, 12, 9, 33},
     {33, 3, 3, 1},
     {.stride = 2, .padding = {1, 3, 4, 0}, .dilation = {2, 1}, .groups = 33}},
    // Depthwise convolutions are computed in strips of 4 or 7 pixels by up to 3 vectors of 4, 8 or
    // 16 channels. The last strip overlaps the one before; narrower images have single pixels.
    {"depthwise, whole strips", {2, 9, 14, 48}, {48, 3, 3, 1}, {.padding = 1, .groups = 48}},
    {"depthwise, a part of a strip", {1, 6, 17, 96}, {96, 3, 3, 1}, {.padding = 1, .groups = 96}},
    {"depthwise, narrower than a strip",
     {2, 5, 3, 64},
     {64, 3, 3, 1},
     {.padding = 1, .groups = 64}},
    {"depthwise, fewer channels than a vector",
     {2, 9, 15, 3},
     {3, 3, 3, 1},
     {.padding = 1, .groups = 3}},
    {"depthwise, one channel", {1, 6, 9, 1}, {1, 5, 3, 1}, {.padding = {2, 1}}},
    {"depthwise, one more channel than vectors",
     {1, 6, 9, 65},
     {65, 3, 3, 1},
     {.padding = 1, .groups = 65}},
    {"depthwise, one channel less than vectors",
     {1, 6, 9, 79},
     {79, 5, 5, 1},
     {.padding = 2, .groups = 79}},
    {"depthwise without padding", {1, 9, 12, 24}, {24, 3, 3, 1}, {.groups = 24}},
    {"depthwise 7x7", {1, 10, 16, 40}, {40, 7, 7, 1}, {.padding = 3, .groups = 40}},
    {"depthwise, a kernel larger than the image",
     {2, 3, 4, 36},
     {36, 7, 7, 1},
     {.padding = 3, .groups = 36}},
    {"depthwise 4x9", {1, 9, 11, 20}, {20, 4, 9, 1}, {.padding = {2, 4}, .groups = 20}},
    {"depthwise 2x1", {1, 9, 11, 20}, {20, 1, 2, 1}, {.groups = 20}},
    {"depthwise 1x1 with stride", {1, 9, 11, 20}, {20, 1, 1, 1}, {.stride = 2, .groups = 20}},
    {"depthwise 5x5 with stride",
     {2, 11, 30, 33},
     {33, 5, 5, 1},
     {.stride = 2, .padding = 2, .groups = 33}},
    {"depthwise with stride 3",
     {1, 13, 25, 50},
     {50, 3, 3, 1},
     {.stride = 3, .padding = 1, .groups = 50}},
    {"depthwise, stride over the edge", {1, 2, 9, 24}, {24, 1, 1, 1}, {.stride = 4, .groups = 24}},
    {"depthwise with padding beyond the kernel",
     {1, 3, 4, 17},
     {17, 3, 3, 1},
     {.padding = {0, 4, 5, 0}, .groups = 17}},
    {"depthwise with padding per side and wide strips",
     {1, 9, 30, 16},
     {16, 3, 3, 1},
     {.stride = {1, 2}, .padding = {0, 3, 2, 0}, .groups = 16}},
    {"depthwise with dilation and stride",
     {1, 12, 31, 20},
     {20, 3, 3, 1},
     {.stride = {3, 2}, .padding = {2, 3}, .dilation = {2, 3}, .groups = 20}},
    {"depthwise, many lines", {3, 40, 7, 32}, {32, 3, 3, 1}, {.padding = 1, .groups = 32}},
    {"two filters per group of one channel",
     {1, 6, 5, 7},
     {14, 3, 3, 1},
     {.stride = 2, .groups = 7}},
    // Pixels 4096 bytes apart, whose rows are copied where a tile has many (CopiedRows).
    {"1,024 channels", {1, 5, 6, 1024}, {40, 1, 1, 1024}, {}},
    {"512 channels and stride 2", {1, 9, 7, 512}, {33, 3, 3, 512}, {.stride = 2, .padding = 1}},
    // 3x3 kernels of stride 1 also run with Winograd's transforms, on tiles of 2x2 or 4x4 pixels.
    {"one output pixel", {1, 3, 3, 5}, {6, 3, 3, 5}, {}},
    {"parts of tiles at two sides", {2, 7, 10, 20}, {33, 3, 3, 20}, {.padding = 1}},
    {"outputs beyond the image", {1, 5, 3, 17}, {9, 3, 3, 17}, {.padding = 3}},
    {"different padding", {1, 6, 9, 16}, {16, 3, 3, 16}, {.padding = {0, 2}}},
    {"two blocks of channels", {1, 4, 4, 530}, {520, 3, 3, 530}, {.padding = 1}},
    {"many tiles", {3, 40, 37, 8}, {8, 3, 3, 8}, {.padding = 1}},
};

Tensor random(const Shape& shape, Guard guard, std::uint64_t stream) {
  const Tensor x = guarded_tensor(shape, DType::f32, guard);
  uniform_(x, 1, {.seed = 5, .stream = stream});
  return x;
}

Shape output_shape(const Row& row) {
  return conv2d(zeros(row.x), zeros(row.weight), {}, row.options).shape();
}

// Compares sums of n products of numbers from [-1, 1), added one by one in f32. After k of them the
// sum has the standard deviation sqrt(k) / 3, and adding the next one rounds by at most 2^-24 of
// it: together n 2^-24 / 7. The limit is seven times that, and a few roundings for the rest.
void check_near(const Tensor& actual, const Tensor& expected, std::int64_t n, double error) {
  const std::vector<double> a = actual.to_vector(), b = expected.to_vector();
  const double limit = error * std::ldexp(static_cast<double>(n) + 8, -24);
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::isnan(a[i]) ? INFINITY : std::abs(a[i] - b[i]));
  CHECK(largest <= limit);
}

Tensor wide(const Tensor& x) { return x.defined() ? cast(x, DType::f64) : x; }

struct Problem {
  Problem(const Row& row, Guard guard)
      : options(row.options),
        y_shape(output_shape(row)),
        x(random(row.x, guard, 0)),
        weight(random(row.weight, guard, 1)),
        bias(random({row.weight[0]}, guard, 2)),
        residual(random(y_shape, guard, 3)),
        dy(random(y_shape, guard, 4)),
        addend(random(row.x, guard, 5)),
        y(guarded_tensor(y_shape, DType::f32, guard)),
        dx(guarded_tensor(row.x, DType::f32, guard)),
        dweight(guarded_tensor(row.weight, DType::f32, guard)) {}

  // With bias and residual, unless there is no activation.
  void forward(Kernel kernel, Activation activation) const {
    const bool adds = activation != Activation::none;
    run(kernel, {Direction::forward, x, weight, y, adds ? bias : Tensor(),
                 adds ? residual : Tensor(), activation, options});
  }
  void backward_input(Kernel kernel, bool adds) const {
    run(kernel, {Direction::backward_input, dx, weight, dy, Tensor(), adds ? addend : Tensor(),
                 Activation::none, options});
  }
  void backward_weight(Kernel kernel) const {
    run(kernel, {Direction::backward_weight, x, dweight, dy, Tensor(), Tensor(), Activation::none,
                 options});
  }

  Conv2dOptions options;
  Shape y_shape;
  Tensor x, weight, bias, residual, dy, addend, y, dx, dweight;

 private:
  static void run(Kernel kernel, const Call& call) { REQUIRE(candidate(kernel).run(call)); }
};

// Calls test(problem, kernel) for our own kernels, and the rows that they support.
template <class Test>
void for_each_case(Guard guard, const Test& test) {
  for (const Kernel kernel : {Kernel::direct, Kernel::winograd_2x2, Kernel::winograd_4x4})
    for (const Row& row : kTable) {
      const Problem p(row, guard);
      if (!candidate(kernel).supports(
              {Direction::forward, p.x, p.weight, p.y, Tensor(), p.options}))
        continue;
      CAPTURE(std::string(candidate(kernel).name));
      CAPTURE(row.name);
      test(p, kernel);
    }
}

}  // namespace

TEST_CASE("outputs and gradients are those of float64, and nothing beyond a tensor is touched") {
  for (const Guard guard : {Guard::after, Guard::before})
    for_each_case(guard, [](const Problem& p, Kernel kernel) {
      const double error = candidate(kernel).error;
      const std::int64_t taps = p.weight.dim(1) * p.weight.dim(2);
      const std::int64_t group_filters = p.weight.dim(0) / p.options.groups;
      set_backend(Backend::reference);
      for (const Activation activation :
           {Activation::none, Activation::relu, Activation::relu6, Activation::silu}) {
        const bool adds = activation != Activation::none;
        const Tensor bias = adds ? p.bias : Tensor(), residual = adds ? p.residual : Tensor();
        const Tensor expected(p.y_shape, DType::f64);
        cpu::conv2d_forward(wide(p.x), wide(p.weight), wide(bias), wide(residual), activation,
                            p.options, expected);
        p.forward(kernel, activation);
        check_near(p.y, expected, taps * p.weight.dim(3), error);
      }
      for (const bool adds : {false, true}) {
        const Tensor addend = adds ? p.addend : Tensor(), expected(p.x.shape(), DType::f64);
        cpu::conv2d_backward_input(
            wide(p.dy), wide(p.weight), p.options, wide(addend), [] { return Tensor(); }, expected);
        p.backward_input(kernel, adds);
        check_near(p.dx, expected, taps * group_filters, error);
      }
      const Tensor expected(p.weight.shape(), DType::f64);
      cpu::conv2d_backward_weight(wide(p.dy), wide(p.x), p.options, expected);
      p.backward_weight(kernel);
      check_near(p.dweight, expected, p.y_shape.numel() / p.y_shape[3], error);
      set_backend(Backend::automatic);
    });
}

// Else a network's result that is not finite would look like one that is.
TEST_CASE("NaN passes every activation") {
  for_each_case(Guard::after, [](const Problem& p, Kernel kernel) {
    fill_(p.bias, NAN);
    for (const Activation activation : {Activation::relu, Activation::relu6, Activation::silu}) {
      p.forward(kernel, activation);
      const std::vector<double> y = p.y.to_vector();
      CHECK(std::ranges::all_of(y, [](double each) { return std::isnan(each); }));
    }
  });
}

TEST_CASE("any number of threads gives the same bits") {
  const int before = num_threads();
  for_each_case(Guard::after, [](const Problem& p, Kernel kernel) {
    std::vector<double> expected;
    for (const int threads : {1, 2, 3, 7}) {
      set_num_threads(threads);
      p.forward(kernel, Activation::relu);
      p.backward_input(kernel, true);
      p.backward_weight(kernel);
      std::vector<double> all;
      for (const Tensor* const result : {&p.y, &p.dx, &p.dweight}) {
        const std::vector<double> values = result->to_vector();
        all.insert(all.end(), values.begin(), values.end());
      }
      if (threads == 1) expected = all;
      CHECK(all == expected);
    }
  });
  set_num_threads(before);
}
