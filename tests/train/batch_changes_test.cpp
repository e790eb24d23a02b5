// Levels, erased rectangles and mixtures: the formulas on small batches, and the distributions of
// the draws.
#include "train/batch_changes.h"

#include <doctest/doctest.h>

#include <cmath>

#include "ops/ops.h"

using namespace osteon;

namespace {

constexpr std::int64_t kSize = 4;

ModelInfo info() {
  ModelInfo info;
  info.mean = {0.2, 0.3, 0.4};
  info.std = {0.5, 0.25, 1};
  return info;
}

// Images whose grey levels v are n / 10 + pixel / 100, normalised.
Tensor images(std::int64_t count) {
  std::vector<double> values;
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t pixel = 0; pixel < kSize * kSize; ++pixel)
      for (std::size_t c = 0; c < 3; ++c) {
        const double grey = static_cast<double>(n) / 10 + static_cast<double>(pixel) / 100;
        values.push_back((grey - info().mean[c]) / info().std[c]);
      }
  return from_vector(values, {count, kSize, kSize, 3}, DType::f32);
}

double grey_of(std::int64_t n, std::int64_t pixel) {
  return static_cast<double>(n) / 10 + static_cast<double>(pixel) / 100;
}

Batch batch_of(std::vector<ImageChange> changes) {
  Batch batch;
  batch.changes = std::move(changes);
  return batch;
}

// Compares each grey level after the changes with expected(image, row, column).
template <class Expected>
void check(const BatchChangeOptions& options, const std::vector<ImageChange>& changes,
           const Mixture& mixture, const Expected& expected) {
  const auto count = static_cast<std::int64_t>(changes.size());
  const Tensors inputs = change_inputs(options, batch_of(changes), mixture, info());
  for (const Tensor& input : inputs) CHECK(input.dim(0) == count);
  const std::vector<double> result = apply_changes(options, images(count), inputs).to_vector();
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t y = 0; y < kSize; ++y)
      for (std::int64_t x = 0; x < kSize; ++x)
        for (std::size_t c = 0; c < 3; ++c) {
          const auto at = static_cast<std::size_t>(((n * kSize + y) * kSize + x) * 3) + c;
          CAPTURE(n);
          CAPTURE(y);
          CAPTURE(x);
          CHECK(result[at] * info().std[c] + info().mean[c] ==
                doctest::Approx(expected(n, y, x, c)).epsilon(1e-5));
        }
}

}  // namespace

TEST_CASE("brightness and contrast change grey levels about the mean") {
  const double mean = 0.3;  // of all channels
  check({.has_levels = true, .image_size = kSize},
        {{.brightness = 1, .contrast = 1}, {.brightness = 1.5F, .contrast = 0.5F}}, {},
        [&](std::int64_t n, std::int64_t y, std::int64_t x, std::size_t) {
          const double v = grey_of(n, y * kSize + x);
          return n == 0 ? v : 0.5 * (1.5 * v - mean) + mean;
        });
}

TEST_CASE("an erased rectangle has the mean of each channel") {
  check({.has_erased = true, .image_size = kSize},
        {{.erased = {1, 0, 3, 2}}, {}, {.erased = {0, 3, 4, 4}}}, {},
        [&](std::int64_t n, std::int64_t y, std::int64_t x, std::size_t c) {
          const bool first = n == 0 && y >= 1 && y < 3 && x < 2, last = n == 2 && x == 3;
          return first || last ? info().mean[c] : grey_of(n, y * kSize + x);
        });
}

TEST_CASE("images are mixed with those of the reversed batch") {
  const BatchChangeOptions options{.mixup = 0.2, .cutmix = 1, .image_size = kSize};
  check(options, std::vector<ImageChange>(3), {.share = 0.75},
        [&](std::int64_t n, std::int64_t y, std::int64_t x, std::size_t) {
          const std::int64_t pixel = y * kSize + x;
          return 0.75 * grey_of(n, pixel) + 0.25 * grey_of(2 - n, pixel);
        });
  check(options, std::vector<ImageChange>(3),
        {.share = 0.75, .is_cutmix = true, .box = {0, 2, 2, 4}},
        [&](std::int64_t n, std::int64_t y, std::int64_t x, std::size_t) {
          return grey_of(y < 2 && x >= 2 ? 2 - n : n, y * kSize + x);
        });
}

TEST_CASE("mixed targets give the weighted mean of both losses") {
  const std::vector<double> t{0, 1, 1}, w{2, 1, 3}, logits{0.3, -1, 2};
  Tensor targets = from_vector(t, {3}, DType::f64), weights = from_vector(w, {3}, DType::f64);
  const double share = 0.7;
  mix_targets({.share = share}, targets, weights);
  const auto loss = [](double logit, double target) {
    return std::log1p(std::exp(logit)) - target * logit;
  };
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t partner = 2 - i;
    const double expected = share * w[i] * loss(logits[i], t[i]) +
                            (1 - share) * w[partner] * loss(logits[i], t[partner]);
    CHECK(weights.to_vector()[i] * loss(logits[i], targets.to_vector()[i]) ==
          doctest::Approx(expected));
  }
}

// Each row of the targets is weighted with its own image's weight.
TEST_CASE("mixed targets of several classes") {
  Tensor targets = from_vector({1, 0, 0, 0, 0, 1}, {2, 3}, DType::f64);
  Tensor weights = from_vector({2, 6}, {2}, DType::f64);
  mix_targets({.share = 0.75}, targets, weights);
  CHECK(weights.to_vector() == std::vector<double>{3, 5});
  const std::vector<double> expected{0.5, 0, 0.5, 0.1, 0, 0.9};
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(targets.to_vector()[i] == doctest::Approx(expected[i]));
}

TEST_CASE("shares have the distribution that the options name, and depend on the batch") {
  struct Row {
    double mixup, cutmix;
    double distance;  // mean of |share - 1/2|
    double cut;       // share of batches with a box
  };
  // Beta(1, 1) is uniform: 1/4. The others are means of 400,000 draws with numpy, for cutmix of the
  // same boxes cut at the borders.
  const Row rows[] = {{1, 0, 0.25, 0},
                      {0.2, 0, 0.399, 0},
                      {20, 0, 0.0627, 0},
                      {0, 1, 0.2215, 1},
                      {1, 1, 0.2358, 0.5}};
  for (const Row& row : rows) {
    CAPTURE(row.mixup);
    CAPTURE(row.cutmix);
    const BatchChangeOptions options{
        .mixup = row.mixup, .cutmix = row.cutmix, .image_size = 64, .seed = 3};
    constexpr int kDraws = 4000;
    double distance = 0, cut = 0;
    for (int i = 0; i < kDraws; ++i) {
      const Mixture mixture = draw_mixture(options, 1, i);
      REQUIRE(mixture.share >= 0);
      REQUIRE(mixture.share <= 1);
      distance += std::abs(mixture.share - 0.5) / kDraws;
      cut += mixture.is_cutmix ? 1.0 / kDraws : 0;
      if (mixture.is_cutmix)
        REQUIRE(mixture.share == 1 - static_cast<double>(mixture.box.area()) / (64 * 64));
    }
    CHECK(std::abs(distance - row.distance) < 0.01);
    CHECK(std::abs(cut - row.cut) < 0.03);
    CHECK(draw_mixture(options, 1, 7).share == draw_mixture(options, 1, 7).share);
    CHECK(draw_mixture(options, 1, 7).share != draw_mixture(options, 2, 7).share);
    CHECK(draw_mixture(options, 1, 7).share != draw_mixture(options, 1, 8).share);
  }
  CHECK(draw_mixture({.image_size = 64}, 1, 7).share == 1);
}
