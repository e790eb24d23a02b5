// The arithmetic of docs/book/06-kernels.md on the CPU: the softmax of a row in one pass, the merge
// of two parts of a row, and the variance of numbers whose mean is far from 0.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "base/random.h"

using namespace osteon;

namespace {

// Of some numbers: their maximum, and the sum of exp(x - maximum).
struct Part {
  double maximum, sum;
};

Part merge(Part a, Part b) {
  const double maximum = std::max(a.maximum, b.maximum);
  return {maximum, a.sum * std::exp(a.maximum - maximum) + b.sum * std::exp(b.maximum - maximum)};
}

// Of some numbers: how many they are, their mean, and the sum of squared distances from it.
struct Moments {
  float count, mean, squares;
};

Moments merge(Moments a, Moments b) {
  const float count = a.count + b.count, share = b.count / count, delta = b.mean - a.mean;
  return {count, a.mean + delta * share, a.squares + b.squares + delta * delta * a.count * share};
}

void print_softmax() {
  const std::vector<double> x = {1, 3, 2, 5, 4, 1};
  std::printf("one pass over a row:\n     x  maximum      sum\n");
  Part part{-1e300, 0};
  for (const double value : x) {
    part = merge(part, {value, 1});
    std::printf("%6.0f %8.0f %8.4f\n", value, part.maximum, part.sum);
  }
  const auto part_of = [&](std::size_t begin, std::size_t end) {
    Part all{-1e300, 0};
    for (std::size_t i = begin; i < end; ++i) all = merge(all, {x[i], 1});
    return all;
  };
  const Part left = part_of(0, 3), right = part_of(3, 6), both = merge(left, right);
  std::printf("two halves: (%.0f, %.4f) and (%.0f, %.4f), merged (%.0f, %.4f)\n", left.maximum,
              left.sum, right.maximum, right.sum, both.maximum, both.sum);
  std::printf("softmax of x[3]: %.4f\n", std::exp(x[3] - both.maximum) / both.sum);
}

// The variance of 4096 numbers, uniform over [mean - 1, mean + 1], in three ways.
void print_variances() {
  std::printf("   mean  exact variance  E[x^2]-E[x]^2  two passes   merged\n");
  for (const double mean : {0.0, 10.0, 100.0, 1000.0, 10000.0}) {
    RandomStream random(6);
    std::vector<float> x(4096);
    for (float& value : x) value = static_cast<float>(mean + random.uniform(-1, 1));
    const auto count = static_cast<float>(x.size());

    double exact_sum = 0, exact_squares = 0;
    for (const float value : x) exact_sum += value;
    for (const float value : x)
      exact_squares += std::pow(value - exact_sum / static_cast<double>(x.size()), 2);

    float sum = 0, sum_of_squares = 0, squares = 0;
    for (const float value : x) {
      sum += value;
      sum_of_squares += value * value;
    }
    const float average = sum / count;
    for (const float value : x) squares += (value - average) * (value - average);

    Moments moments{1, x[0], 0};
    for (std::size_t i = 1; i < x.size(); ++i) moments = merge(moments, {1, x[i], 0});

    std::printf("%7.0f %15.4f %14.4f %11.4f %8.4f\n", mean,
                exact_squares / static_cast<double>(x.size()),
                sum_of_squares / count - average * average, squares / count,
                moments.squares / moments.count);
  }
}

}  // namespace

int main() {
  print_softmax();
  print_variances();
  return 0;
}
