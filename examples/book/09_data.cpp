// Chapter 9 of the book: a split that leaks, one interpolation against three, draws that are
// functions of their position, class weights, and the chance of equal hashes.
// With the argument "matrix" it prints the affine map of the figure.
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "base/philox.h"
#include "base/random.h"
#include "base/text.h"
#include "data/augment.h"
#include "data/split.h"
#include "ops/ops.h"

using namespace osteon;

namespace {

struct Picture {
  std::string patient, name;
  std::vector<double> features;
  int label;
};

// 80 patients with 6 pictures each. A picture is its patient's 16 numbers and a little noise; the
// label is a coin that is thrown per patient, so pictures say nothing about it.
std::vector<Picture> draw_pictures() {
  std::vector<Picture> pictures;
  for (std::uint64_t p = 0; p < 80; ++p)
    for (std::uint64_t view = 0; view < 6; ++view) {
      RandomStream patient(1, p), noise(2, p, view);
      Picture picture{format("patient", p), format("patient", p, "/", view), {}, 0};
      picture.label = patient.uniform() < 0.5 ? 0 : 1;
      for (int k = 0; k < 16; ++k)
        picture.features.push_back(patient.normal() + 0.3 * noise.normal());
      pictures.push_back(picture);
    }
  return pictures;
}

// The label of the nearest training picture, for each test picture: the share that is right.
double accuracy_of_nearest(const std::vector<Picture>& pictures, bool by_patient) {
  const auto split = [&](const Picture& x) {
    return hashed_split(0, by_patient ? x.patient : x.name, 0);
  };
  int right = 0, all = 0;
  for (const Picture& test : pictures) {
    if (split(test) != Split::test) continue;
    double nearest = std::numeric_limits<double>::infinity();
    int decision = 0;
    for (const Picture& train : pictures) {
      if (split(train) != Split::train) continue;
      double distance = 0;
      for (std::size_t k = 0; k < 16; ++k)
        distance += std::pow(test.features[k] - train.features[k], 2);
      if (distance < nearest) nearest = distance, decision = train.label;
    }
    ++all;
    right += decision == test.label ? 1 : 0;
  }
  return static_cast<double>(right) / all;
}

constexpr std::int64_t kSide = 256;

// The map that rotates by these degrees.
AffineMatrix rotation(double degrees) {
  const double angle = degrees * 3.14159265358979 / 180, c = (kSide - 1) / 2.0;
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const double numbers[] = {cosine, sine,   c - cosine * c - sine * c,
                            -sine,  cosine, c + sine * c - cosine * c};
  AffineMatrix matrix;
  for (std::size_t i = 0; i < 6; ++i) matrix[i] = static_cast<float>(numbers[i]);
  return matrix;
}

// Grey levels from 0 to 255, rounded again.
Tensor warp(const Tensor& image, const AffineMatrix& matrix) {
  const Tensor map = from_vector({matrix.begin(), matrix.end()}, {1, 2, 3});
  const Tensor y = warp_affine(image, map, {kSide, kSide, {0}, {1}});
  const Tensor levels(image.shape(), DType::u8);
  for (std::int64_t i = 0; i < y.numel(); ++i)
    levels.data<std::uint8_t>()[i] =
        static_cast<std::uint8_t>(std::lround(255 * y.data<float>()[i]));
  return levels;
}

// The variance of the grey levels in the middle of the image.
double variance(const Tensor& image) {
  double sum = 0, squares = 0, count = 0;
  for (std::int64_t row = 78; row < 178; ++row)
    for (std::int64_t column = 78; column < 178; ++column) {
      const double level = image.data<std::uint8_t>()[row * kSide + column];
      sum += level, squares += level * level, ++count;
    }
  return squares / count - sum * sum / (count * count);
}

void print_warps() {
  const Tensor noise({1, kSide, kSide, 1}, DType::u8);
  RandomStream random(3);
  for (std::int64_t i = 0; i < noise.numel(); ++i)
    noise.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(random.below(256));
  const Tensor once = warp(noise, rotation(30));
  Tensor thrice = noise;
  for (int i = 0; i < 3; ++i) thrice = warp(thrice, rotation(10));
  std::printf("\nvariance of noise: rotated by 30 degrees %.2f, three times by 10 %.2f\n",
              variance(once) / variance(noise), variance(thrice) / variance(noise));
}

void print_draws() {
  std::puts("\nangle of image 7:  epoch 0   epoch 1   epoch 0 again");
  const auto angle = [](std::uint64_t epoch) {
    return RandomStream(/*seed=*/5, epoch, /*substream=*/7).uniform(-15, 15);
  };
  std::printf("%26.3f %9.3f %15.3f\n", angle(0), angle(1), angle(0));
  for (const std::uint64_t epoch : {0, 1}) {
    RandomStream random(5, epoch);
    std::printf("order of epoch %d:", static_cast<int>(epoch));
    for (const std::int64_t i : permutation(8, random)) std::printf(" %d", static_cast<int>(i));
    std::puts("");
  }
  int changed =
      0;  // bits of the result, over 1000 counters, if the lowest bit of the counter flips
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const PhiloxBlock a = philox(5, {2 * i, 0, 0, 0}), b = philox(5, {2 * i + 1, 0, 0, 0});
    for (std::size_t k = 0; k < 4; ++k) changed += std::popcount(a[k] ^ b[k]);
  }
  std::printf("one bit of the counter changes %.1f of 128 bits\n", changed / 1000.0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "matrix") {
    const Augmentation augmentation{.flip = 1, .rotation = 25, .scale = 0.3, .shift = 0.1};
    for (const float number : draw_affine(augmentation, 9, /*seed=*/4, 0, 3))
      std::printf("%.4f\n", static_cast<double>(number));
    return 0;
  }
  const auto pictures = draw_pictures();
  std::printf("accuracy, split by picture: %.2f\n", accuracy_of_nearest(pictures, false));
  std::printf("accuracy, split by patient: %.2f\n", accuracy_of_nearest(pictures, true));
  print_warps();
  print_draws();

  std::puts("\nprobability 0.1 learnt with weight w of positives");
  for (const double w : {1.0, 4.0, 9.0})
    std::printf("w %.0f: %.3f\n", w, w * 0.1 / (w * 0.1 + 0.9));

  double chance = 0;  // of at most 20 differing bits of 256 fair ones
  for (int k = 0; k <= 20; ++k)
    chance +=
        std::exp(std::lgamma(257) - std::lgamma(k + 1) - std::lgamma(257 - k) - 256 * std::log(2));
  std::printf("\nat most 20 of 256 fair bits differ: probability %.0e\n", chance);
}
