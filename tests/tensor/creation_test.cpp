// tensor(), arange, eye, rand and randn.
#include "tensor/creation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

using Numbers = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("nested lists give the shape and the elements in row-major order") {
  struct Row {
    Tensor made;
    Shape shape;
    Numbers elements;
  };
  const Row rows[] = {
      {tensor(2.5), {}, {2.5}},
      {tensor({1}), {1}, {1}},
      {tensor({1, 2, 3}), {3}, {1, 2, 3}},
      {tensor({{1, 2}}), {1, 2}, {1, 2}},
      {tensor({{1}, {2}}), {2, 1}, {1, 2}},
      {tensor({{1, 2}, {3, 4}}), {2, 2}, {1, 2, 3, 4}},
      {tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}), {2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}},
      {tensor({}), {0}, {}},
      {tensor({{}, {}}), {2, 0}, {}},
      {tensor({1.75, -1.75, 300}, DType::u8), {3}, {1, 0, 255}}};
  for (const Row& row : rows) {
    CAPTURE(format(row.shape));
    CHECK(row.made.shape() == row.shape);
    CHECK(row.made.to_vector() == row.elements);
  }
  CHECK(tensor({1}).dtype() == DType::f32);
  CHECK(tensor({1}, DType::i64).dtype() == DType::i64);
}

TEST_CASE("ragged lists are refused with both shapes") {
  struct Row {
    std::string message, expected;
  };
  const Row rows[] = {{message_of([] {
                         tensor({{1, 2}, {3}});
                       }),
                       "entry 1 of a list has shape [1] but entry 0 has [2]"},
                      {message_of([] {
                         tensor({{1, 2}, 3});
                       }),
                       "entry 1 of a list has shape [] but entry 0 has [2]"},
                      {message_of([] {
                         tensor({{{1}}, {{1}, {2}}});
                       }),
                       "shape [2,1] but entry 0 has [1,1]"}};
  for (const Row& row : rows) {
    CAPTURE(row.message);
    CHECK(contains(row.message, row.expected));
  }
}

TEST_CASE("arange excludes the end") {
  struct Row {
    double start, end, step;
    Numbers elements;
  };
  for (const auto& [start, end, step, elements] : {Row{0, 3, 1, {0, 1, 2}},
                                                   {1, 2, 0.25, {1, 1.25, 1.5, 1.75}},
                                                   {1, 2.1, 0.5, {1, 1.5, 2}},
                                                   {3, 0, -1, {3, 2, 1}},
                                                   {2, 2, 1, {}}}) {
    CAPTURE(end);
    CHECK(arange(start, end, step).to_vector() == elements);
  }
  CHECK(arange(0, 3, 1, DType::i64).dtype() == DType::i64);
  for (const auto& [start, end, step, elements] :
       {Row{0, 3, 0, {}}, {0, 3, -1, {}}, {0, kInfinity, 1, {}}, {NAN, 3, 1, {}}, {2, 2, 0, {}}}) {
    CAPTURE(end);
    CHECK(contains(message_of([&] { arange(start, end, step); }), "arange: from"));
  }
}

TEST_CASE("eye is the identity matrix") {
  CHECK(eye(0).shape() == Shape{0, 0});
  CHECK(eye(3, DType::i64).to_vector() == Numbers{1, 0, 0, 0, 1, 0, 0, 0, 1});
  CHECK(contains(message_of([] { eye(-1); }), "eye: -1"));
}

TEST_CASE("draws depend on seed and stream alone, and are those of RandomStream") {
  const int before = num_threads();
  struct Row {
    const char* name;
    Tensor (*draw)(Shape, std::uint64_t, std::uint64_t, DType, Device);
    double (*first)(RandomStream&);
    double mean, variance;
  };
  for (const Row& row :
       {Row{"rand", rand, [](RandomStream& r) { return r.uniform(); }, 0.5, 1.0 / 12},
        Row{"randn", randn, [](RandomStream& r) { return r.normal(); }, 0, 1}}) {
    CAPTURE(std::string(row.name));
    const auto draw = [&](std::uint64_t seed, std::uint64_t stream, DType dtype) {
      return row.draw({3, 5000}, seed, stream, dtype, Device::cpu()).to_vector();
    };
    set_num_threads(1);
    const Numbers one = draw(1, 2, DType::f64);
    set_num_threads(3);
    CHECK(draw(1, 2, DType::f64) == one);
    CHECK(draw(2, 2, DType::f64) != one);
    CHECK(draw(1, 3, DType::f64) != one);
    for (const std::uint64_t block : {0, 1, 3}) {
      RandomStream random(1, 2, block);
      CHECK(one[4096 * block] == doctest::Approx(row.first(random)).epsilon(1e-14));
    }
    double sum = 0, squares = 0;
    for (const double each : one) sum += each, squares += each * each;
    const auto count = static_cast<double>(one.size());
    const double mean = sum / count, variance = squares / count - mean * mean;
    CHECK(std::abs(mean - row.mean) < 5 * std::sqrt(row.variance / count));
    CHECK(variance == doctest::Approx(row.variance).epsilon(0.05));
  }
  set_num_threads(before);
}

TEST_CASE("a uniform draw is below 1 in every dtype") {
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16}) {
    CAPTURE(format(dtype));
    const Numbers draws = rand({100000}, 1, 1, dtype).to_vector();
    CHECK(*std::ranges::max_element(draws) < 1);
    CHECK(*std::ranges::min_element(draws) >= 0);
  }
  CHECK(contains(message_of([] { rand({3}, 1, 1, DType::i64); }), "rand"));
}
