// The ranges cover every element once for any number of threads granted by the system.
#include "base/parallel.h"

#include <doctest/doctest.h>

#include <array>
#include <stdexcept>
#include <vector>

using namespace osteon;

namespace {

// Requests `threads` threads; the system grants all of them or only one.
class Threads {
 public:
  Threads(int threads, bool granted)
      : threads_(omp_get_max_threads()), levels_(omp_get_max_active_levels()) {
    set_num_threads(threads);
    if (!granted) omp_set_max_active_levels(0);
  }
  ~Threads() {
    set_num_threads(threads_);
    omp_set_max_active_levels(levels_);
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int threads_, levels_;
};

}  // namespace

TEST_CASE("every element is in one range, in order, for any number of threads") {
  struct Row {
    std::int64_t n, grain;
    int threads, ranges;
  };
  const Row rows[] = {{0, 1, 4, 0},    {1, 1, 4, 1},      {3, 1, 4, 3},        {4, 1, 4, 4},
                      {10, 1, 4, 4},   {10, 4, 4, 2},     {10, 100, 4, 1},     {10, 0, 4, 4},
                      {1000, 1, 1, 1}, {1000, 1, 16, 16}, {100'003, 10, 7, 7}, {-5, 1, 4, 0}};
  for (const bool granted : {true, false})
    for (const Row& row : rows) {
      CAPTURE(granted);
      CAPTURE(row.n);
      CAPTURE(row.grain);
      const Threads threads(row.threads, granted);
      std::vector<std::array<std::int64_t, 2>> ranges(static_cast<std::size_t>(row.ranges));
      const int used =
          parallel_ranges(row.n, row.grain, [&](int range, std::int64_t begin, std::int64_t end) {
            ranges.at(static_cast<std::size_t>(range)) = {begin, end};
          });
      CHECK(used == row.ranges);
      std::int64_t covered = 0;
      for (const auto& [begin, end] : ranges) {
        CHECK(begin == covered);
        CHECK(end - begin >= (used > 1 ? row.grain : 1));
        covered = end;
      }
      CHECK(covered == std::max<std::int64_t>(row.n, 0));
    }
}

TEST_CASE("an exception of a body is rethrown, and the next call works") {
  for (const bool granted : {true, false}) {
    const Threads threads(4, granted);
    const auto throws_late = [](std::int64_t, std::int64_t end) {
      if (end == 100) throw std::runtime_error("the last range");
    };
    CHECK_THROWS_WITH_AS(parallel_for(100, 1, throws_late), "the last range", std::runtime_error);
    std::vector<int> visits(100);
    parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
    });
    CHECK(visits == std::vector<int>(100, 1));
  }
}

TEST_CASE("a call inside another takes one thread") {
  const Threads threads(4, true);
  std::vector<int> inner(4);
  CHECK(num_threads() == 4);
  parallel_ranges(4, 1, [&](int range, std::int64_t, std::int64_t) {
    inner[static_cast<std::size_t>(range)] =
        parallel_ranges(100, 1, [](int, std::int64_t, std::int64_t) {});
  });
  CHECK(inner == std::vector<int>(4, 1));
}
