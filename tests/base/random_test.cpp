// Random numbers: published test vectors, independence of the order of draws, and correct
// distributions. Seeds are fixed, so every run is the same.
#include "base/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tests/support/message_of.h"

using namespace osteon;

namespace {

// Pearson's chi-square statistic for counts that should be equal.
double chi_square(const std::vector<int>& counts) {
  double total = 0, sum = 0;
  for (const int count : counts) total += count;
  const double expected = total / static_cast<double>(counts.size());
  for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

// Its bound at a probability of about 10^-5 for k categories (Wilson and Hilferty, 4.26 standard
// deviations).
double chi_square_bound(std::size_t k) {
  const double n = static_cast<double>(k) - 1, h = 2 / (9 * n);
  return n * std::pow(1 - h + 4.26 * std::sqrt(h), 3);
}

double correlation(RandomStream a, RandomStream b) {
  const int n = 20'000;
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += (a.uniform() - 0.5) * (b.uniform() - 0.5);
  return 12 * sum / n;
}

}  // namespace

// Random123's tests/kat_vectors, lines "philox4x32 10".
TEST_CASE("philox gives the published vectors") {
  struct Row {
    PhiloxBlock counter;
    std::uint64_t key;
    PhiloxBlock expected;
  };
  const Row rows[] = {
      {{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       0xffffffffffffffff,
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       0x299f31d0a4093822,
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const Row& row : rows) CHECK(philox(row.key, row.counter) == row.expected);
}

// The FNV authors' test vectors.
TEST_CASE("names hash by FNV-1a") {
  struct Row {
    std::string name;
    std::uint64_t hash;
  };
  const Row rows[] = {{"", 0xcbf29ce484222325},
                      {"a", 0xaf63dc4c8601ec8c},
                      {"foobar", 0x85944171f73967e8},
                      {"\xff", 0xaf64724c8602eb6e}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(hash_name(row.name) == row.hash);
  }
}

// The numbers of a seed must not change between versions.
TEST_CASE("a stream begins with the same numbers in every version") {
  struct Row {
    std::uint64_t seed, stream, substream;
    std::vector<std::uint32_t> draws;  // the last ones come from the second block
  };
  const Row rows[] = {
      {0, 0, 0, {0xd4abea56, 0xdd653103, 0x04e23b27, 0x74656f08, 0xe21d99e7, 0xcdf501a4}},
      {42, 1, 7, {0xbfe558d1, 0xb0d6cd17, 0x1b85e161, 0x42b5f61c, 0xac2da603, 0x95484889}},
      {0xffffffffffffffff,
       0x8000000000000005,
       0x10000000001,
       {0x48aeffae, 0xe33d75fa, 0x5e165b88, 0x75bc74d9, 0xe2a3a5b3, 0x5615d4a2}},
  };
  for (const Row& row : rows) {
    RandomStream random(row.seed, row.stream, row.substream);
    for (const std::uint32_t draw : row.draws) CHECK(random.next_u32() == draw);
  }
}

TEST_CASE("streams that differ in seed, stream or substream are not correlated") {
  const RandomStream base(1, 2, 3);
  const RandomStream others[] = {RandomStream(2, 2, 3),
                                 RandomStream(1, 3, 3),
                                 RandomStream(1, 2, 4),
                                 RandomStream(2, 1, 3),
                                 RandomStream(1, 2 + (1ull << 32), 3),
                                 RandomStream(1, 2, 3 + (1ull << 32))};
  for (const RandomStream& other : others)
    CHECK(std::abs(correlation(base, other)) < 4.5 / std::sqrt(20'000));
  CHECK(correlation(base, base) == doctest::Approx(1).epsilon(0.05));
}

TEST_CASE("uniform fills [0, 1) evenly") {
  RandomStream random(7);
  const int n = 200'000;
  std::vector<int> counts(100);
  double sum = 0, squares = 0, smallest = 1, largest = 0;
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform();
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    ++counts[static_cast<std::size_t>(u * 100)];
    sum += u;
    squares += u * u;
    smallest = std::min(smallest, u);
    largest = std::max(largest, u);
  }
  CHECK(chi_square(counts) < chi_square_bound(100));
  CHECK(std::abs(sum / n - 1.0 / 2) < 4.5 * std::sqrt(1.0 / 12 / n));
  CHECK(std::abs(squares / n - 1.0 / 3) < 4.5 * std::sqrt(4.0 / 45 / n));
  CHECK(smallest < 1e-4);
  CHECK(largest > 1 - 1e-4);
}

TEST_CASE("uniform in a range never reaches its upper end, however narrow") {
  struct Row {
    double low, high;
  };
  const double next = std::nextafter(1.0, 2.0);
  const Row rows[] = {
      {1, next}, {-next, -1}, {1, std::nextafter(next, 2.0)}, {1e300, 1.1e300}, {-15, 15}};
  for (const Row& row : rows) {
    CAPTURE(row.low);
    RandomStream random(14);
    for (int i = 0; i < 1000; ++i) {
      const double draw = random.uniform(row.low, row.high);
      REQUIRE(draw >= row.low);
      REQUIRE(draw < row.high);
    }
  }
  RandomStream random(14);
  CHECK(random.uniform(2, 2) == 2);
  CHECK(contains(message_of([&] { random.uniform(1, -1); }), "uniform(1, -1) has no possible"));
}

TEST_CASE("uniform has 53 random bits") {
  RandomStream random(8);
  std::vector<int> ones(53);
  for (int i = 0; i < 10'000; ++i) {
    const auto bits = static_cast<std::uint64_t>(random.uniform() * 0x1p53);
    for (std::size_t bit = 0; bit < 53; ++bit) ones[bit] += static_cast<int>(bits >> bit & 1);
  }
  for (const int count : ones) CHECK(std::abs(count - 5000) < 4.5 * 50);
}

TEST_CASE("below is uniform for any bound and reaches every value") {
  for (const std::uint64_t bound : {1ull, 2ull, 3ull, 7ull, 100ull}) {
    CAPTURE(bound);
    RandomStream random(9, bound);
    std::vector<int> counts(bound);
    for (int i = 0; i < 50'000; ++i) ++counts.at(random.below(bound));
    if (bound > 1) CHECK(chi_square(counts) < chi_square_bound(bound));
  }
  // Two thirds of 2^64: a draw modulo the bound would favour the lower half two to one.
  const std::uint64_t large = 0xAAAAAAAAAAAAAAAA;
  RandomStream random(10);
  int lower = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t draw = random.below(large);
    REQUIRE(draw < large);
    lower += draw < large / 2;
  }
  CHECK(std::abs(lower - 5000) < 4.5 * 50);
  CHECK(contains(message_of([&] { random.below(0); }), "below(0)"));
}

TEST_CASE("normal has the moments and the tails of the standard normal") {
  RandomStream random(11);
  const int n = 200'000;
  double sums[4] = {};
  int beyond[3] = {};
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    REQUIRE(std::isfinite(x));
    double power = 1;
    for (double& sum : sums) sum += power *= x;
    for (int k = 0; k < 3; ++k) beyond[k] += std::abs(x) > k + 1;
  }
  const double moments[] = {0, 1, 0, 3}, variances[] = {1, 2, 15, 96};
  for (int k = 0; k < 4; ++k) {
    CAPTURE(k);
    CHECK(std::abs(sums[k] / n - moments[k]) < 4.5 * std::sqrt(variances[k] / n));
  }
  for (int k = 0; k < 3; ++k) {
    CAPTURE(k);
    const double p = std::erfc((k + 1) / std::sqrt(2.0));
    CHECK(std::abs(beyond[k] - n * p) < 4.5 * std::sqrt(n * p * (1 - p)));
  }
}

TEST_CASE("vectorised normals agree with those drawn one by one") {
  for (const std::uint64_t substream : {std::uint64_t{0}, std::uint64_t{7} << 33}) {
    std::vector<double> draws(1003);
    fill_normal(14, 15, substream, draws.data(), 1003);
    RandomStream random(14, 15, substream);
    for (const double draw : draws) CHECK(std::abs(draw - random.normal()) < 1e-14);
  }
}

TEST_CASE("a permutation holds every number once, and all orders are equally likely") {
  for (const std::int64_t n : {0, 1, 2, 1000}) {
    CAPTURE(n);
    RandomStream random(12);
    std::vector<std::int64_t> order = permutation(n, random);
    CHECK(order.size() == static_cast<std::size_t>(n));
    if (n == 1000) CHECK(!std::is_sorted(order.begin(), order.end()));
    std::sort(order.begin(), order.end());
    for (std::int64_t i = 0; i < n; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  }
  RandomStream random(13);
  CHECK(contains(message_of([&] { permutation(-1, random); }), "permutation of -1 numbers"));
  std::map<std::vector<std::int64_t>, int> orders;
  for (int i = 0; i < 24'000; ++i) ++orders[permutation(4, random)];
  std::vector<int> counts;
  for (const auto& [order, count] : orders) counts.push_back(count);
  CHECK(counts.size() == 24);
  CHECK(chi_square(counts) < chi_square_bound(24));
}
