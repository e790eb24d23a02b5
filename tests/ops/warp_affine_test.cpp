// Exact properties of the warp: whole-pixel maps copy pixels, outside is black for any matrix, and
// the result does not depend on the number of threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/parallel.h"
#include "base/random.h"
#include "ops/ops.h"

using namespace osteon;

namespace {

Tensor random_images(Shape shape) {
  Tensor images(std::move(shape), DType::u8);
  RandomStream random(5);
  for (std::int64_t i = 0; i < images.numel(); ++i)
    images.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(random.below(256));
  return images;
}

Tensor matrices(const std::vector<double>& one, std::int64_t images) {
  std::vector<double> all;
  for (std::int64_t n = 0; n < images; ++n) all.insert(all.end(), one.begin(), one.end());
  return from_vector(all, {images, 2, 3});
}

WarpOptions unnormalised(std::int64_t height, std::int64_t width, std::size_t channels) {
  return {height, width, std::vector<double>(channels, 0), std::vector<double>(channels, 1)};
}

float at(const Tensor& y, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  return y.data<float>()[((n * y.dim(1) + h) * y.dim(2) + w) * y.dim(3) + c];
}

}  // namespace

TEST_CASE("whole-pixel maps copy pixels exactly") {
  constexpr std::int64_t kHeight = 19, kWidth = 37;
  struct Row {
    const char* name;
    std::vector<double> matrix;
  };
  const Row rows[] = {
      {"identity", {1, 0, 0, 0, 1, 0}},
      {"horizontal flip", {-1, 0, kWidth - 1, 0, 1, 0}},
      {"shift right and up, black comes in", {1, 0, -3, 0, 1, 2}},
      {"transpose", {0, 1, 0, 1, 0, 0}},
  };
  for (const auto& pair : {std::pair{1, 1}, std::pair{1, 3}, std::pair{3, 3}, std::pair{1, 5}}) {
    const int source_channels = pair.first, channels = pair.second;
    const Tensor images = random_images({2, kHeight, kWidth, source_channels});
    for (const Row& row : rows) {
      INFO(row.name << ", " << source_channels << " -> " << channels << " channels");
      const Tensor y =
          warp_affine(images, matrices(row.matrix, 2),
                      unnormalised(kHeight, kWidth, static_cast<std::size_t>(channels)));
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < y.numel(); ++i) {
        const std::int64_t c = i % channels, w = i / channels % kWidth,
                           h = i / channels / kWidth % kHeight, n = i / channels / kWidth / kHeight;
        const auto place = [&](std::size_t k) {
          return static_cast<std::int64_t>(row.matrix[k]) * w +
                 static_cast<std::int64_t>(row.matrix[k + 1]) * h +
                 static_cast<std::int64_t>(row.matrix[k + 2]);
        };
        const std::int64_t from_w = place(0), from_h = place(3);
        float pixel = 0;
        if (from_w >= 0 && from_w < kWidth && from_h >= 0 && from_h < kHeight)
          pixel = images.data<std::uint8_t>()[((n * kHeight + from_h) * kWidth + from_w) *
                                                  source_channels +
                                              (source_channels == 1 ? 0 : c)];
        wrong += at(y, n, h, w, c) != pixel / 255.0F;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("the border fades to black over one pixel") {
  const Tensor white = full({1, 1, 1, 1}, 255, DType::u8);
  struct Row {
    double x, y;
    float expected;
  };
  const Row rows[] = {{0, 0, 1},        {0.5, 0, 0.5F}, {-0.25, 0, 0.75F}, {0.5, -0.5, 0.25F},
                      {0, 0.75, 0.25F}, {1, 0, 0},      {-1, 0, 0},        {0, 1, 0},
                      {0, -1, 0},       {-1.5, 0, 0},   {2.5, 0, 0},       {0, 1e9, 0}};
  for (const Row& row : rows) {
    INFO("at " << row.x << ", " << row.y);
    const Tensor sampled =
        warp_affine(white, matrices({0, 0, row.x, 0, 0, row.y}, 1), unnormalised(1, 1, 1));
    CHECK(at(sampled, 0, 0, 0, 0) == row.expected);
  }
}

TEST_CASE("a matrix that is not finite gives black, not a crash") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN(),
                   kInfinity = std::numeric_limits<double>::infinity();
  const Tensor white = full({1, 8, 8, 1}, 255, DType::u8);
  for (const double bad : {kNan, kInfinity, -kInfinity, 1e38}) {
    const Tensor y =
        warp_affine(white, matrices({bad, 0, bad, 0, bad, bad}, 1), unnormalised(4, 4, 3));
    CHECK(y.to_vector() == std::vector<double>(48, 0));
  }
}

TEST_CASE("channels are normalised, and threads change no bit") {
  const Tensor images = random_images({3, 64, 200, 1});
  const Tensor turn = matrices({0.9, -0.3, 11.5, 0.3, 0.9, -7.25}, 3);
  WarpOptions options{150, 170, {0.1, 0.4, 0.5}, {0.2, 0.25, 0.5}};
  const Tensor y = warp_affine(images, turn, options);
  const Tensor plain = warp_affine(images, turn, unnormalised(150, 170, 1));
  double worst = 0;
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    const auto c = static_cast<std::size_t>(i % 3);
    const double expected =
        (static_cast<double>(plain.data<float>()[i / 3]) - options.mean[c]) / options.std[c];
    worst = std::max(worst, std::abs(static_cast<double>(y.data<float>()[i]) - expected));
  }
  CHECK(worst < 1e-6);
  const int before = num_threads();
  for (const int threads : {1, 3, 7}) {
    set_num_threads(threads);
    CHECK(warp_affine(images, turn, options).to_vector() == y.to_vector());
  }
  set_num_threads(before);
}
