// The operations of a process group, in every process of one. ctest runs this program alone and
// with mpirun.
#include "comm/process_group.h"

#include <doctest/doctest.h>

#include <thread>

#include "base/error.h"

using namespace osteon;

namespace {

double rank() { return world().rank(); }
std::int64_t size() { return world().size(); }

bool is_power_of_two(std::int64_t n) { return (n & (n - 1)) == 0; }

// Values whose sum depends on the order: each process has another one.
double value_of(std::int64_t rank, std::int64_t i) {
  const double values[] = {1e8, 1.5, -1e8, 0.25};
  return values[(rank + i) % 4] * (1 + static_cast<double>(i % 7) / 8);
}

// ((x0 + x1) + (x2 + x3)) in T.
template <class T>
T tree_of(std::int64_t i, std::int64_t begin, std::int64_t count) {
  if (count == 1) return static_cast<T>(value_of(begin, i));
  return tree_of<T>(i, begin, count / 2) + tree_of<T>(i, begin + count / 2, count / 2);
}

Tensor values_here(std::int64_t count, DType dtype) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(value_of(world().rank(), i));
  return from_vector(values, {count}, dtype);
}

std::string bytes_of(const Tensor& x) {
  return {reinterpret_cast<const char*>(x.raw()), x.bytes()};
}

void check_equal_everywhere(const Tensor& x) {
  for (const std::string& bytes : world().all_gather(bytes_of(x))) CHECK(bytes == bytes_of(x));
}

}  // namespace

TEST_CASE("places") {
  CHECK(world().rank() >= 0);
  CHECK(world().rank() < size());
  CHECK(world().local_size() == size());  // all on this host
  CHECK(world().local_rank() == world().rank());
  std::vector<std::string> names = world().all_gather(world().name());
  CHECK(names.size() == static_cast<std::size_t>(size()));
  CHECK(names[static_cast<std::size_t>(world().rank())] == world().name());
}

TEST_CASE("a power of two of processes adds in the order of a tree") {
  if (!is_power_of_two(size())) return;
  for (const std::int64_t count : {0, 1, 2, 3, 5, 1000, 100'003}) {
    CAPTURE(count);
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = values_here(count, dtype);
      world().all_reduce(x);
      const std::vector<double> sums = x.to_vector();
      for (std::int64_t i = 0; i < count; ++i) {
        const double expected = dtype == DType::f32
                                    ? static_cast<double>(tree_of<float>(i, 0, size()))
                                    : tree_of<double>(i, 0, size());
        REQUIRE(sums[static_cast<std::size_t>(i)] == expected);
      }
      check_equal_everywhere(x);
    }
  }
}

TEST_CASE("sums by any number of processes: the same bits everywhere") {
  for (const std::int64_t count : {0, 1, 1000, 100'003})
    for (const DType dtype : {DType::f32, DType::f64}) {
      CAPTURE(count);
      const Tensor x = values_here(count, dtype);
      world().all_reduce(x);
      const std::vector<double> sums = x.to_vector();
      for (std::int64_t i = 0; i < count; ++i) {
        double expected = 0;
        for (std::int64_t each = 0; each < size(); ++each) expected += value_of(each, i);
        REQUIRE(sums[static_cast<std::size_t>(i)] ==
                doctest::Approx(expected).epsilon(1e-6).scale(1e8));
      }
      check_equal_everywhere(x);
    }
  if (size() > 1)
    CHECK_THROWS_WITH_AS(
        world().all_reduce(zeros({2}, DType::u8)),
        "all_reduce: a tensor in u8; only f32 and f64 can be summed over processes", Error);
}

TEST_CASE("many sums at once, while this thread computes") {
  std::vector<Tensor> tensors;
  std::vector<std::shared_future<void>> started;
  for (std::int64_t i = 0; i < 20; ++i) {
    tensors.push_back(full({10'000 * (i % 3 + 1)}, static_cast<double>(i) + rank()));
    started.push_back(world().start_all_reduce(tensors.back()));
  }
  const double ranks = static_cast<double>(size() * (size() - 1)) / 2;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    world().wait(started[i]);
    const double expected = static_cast<double>(i) * static_cast<double>(size()) + ranks;
    CHECK(tensors[i].to_vector() ==
          std::vector<double>(static_cast<std::size_t>(tensors[i].numel()), expected));
  }
}

TEST_CASE("copies of the first process's tensors") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i64, DType::u8}) {
    const Tensor x = full({1000}, 7 + rank(), dtype);
    const std::uint64_t version = x.version();
    world().broadcast(x);
    CHECK(x.to_vector() == std::vector<double>(1000, 7));
    if (size() > 1) CHECK(x.version() > version);
  }
  world().broadcast(zeros({0}));
}

TEST_CASE("texts of all processes, by rank") {
  const auto text_of = [](std::int64_t of_rank, std::int64_t row) {
    const std::string letter(1, static_cast<char>('a' + of_rank));
    if (row == 0) return std::string();
    if (row == 1) return of_rank % 2 == 0 ? std::string() : letter + std::string(5, '\0') + "z";
    return std::string(static_cast<std::size_t>(1'000'000 + of_rank), letter[0]);
  };
  for (const std::int64_t row : {0, 1, 2}) {
    const std::vector<std::string> texts = world().all_gather(text_of(world().rank(), row));
    REQUIRE(texts.size() == static_cast<std::size_t>(size()));
    for (std::size_t i = 0; i < texts.size(); ++i)
      CHECK(texts[i] == text_of(static_cast<std::int64_t>(i), row));
  }
}

TEST_CASE("a process that waits for others, or sets marks, may take longer than the limit") {
  world().set_hang_timeout(std::chrono::seconds(1));
  if (world().is_first())
    for (int i = 0; i < 10; ++i) {
      world().mark("a long evaluation", i);
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
  world().barrier();
  world().set_hang_timeout(std::chrono::seconds(0));
  CHECK(true);  // all processes are still here
}
