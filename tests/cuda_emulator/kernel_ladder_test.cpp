// The kernel ladder of docs/book/06-kernels.md (examples/kernels/) on the emulated device: every
// version agrees with the CPU's op in float64, and its traffic is printed and checked.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "examples/kernels/access.cuh"
#include "examples/kernels/ladder.h"
#include "ops/ops.h"
#include "tests/cuda_emulator/journal.h"
#include "tests/support/hashed.h"

using namespace osteon;

namespace {

// Counts what the kernels' load and store report.
//
// The threads of a warp execute an instruction together, so their accesses are one transfer of
// whole sectors of 32 bytes. The emulator runs the threads one after another; therefore the n-th
// accesses of a warp's threads at one source line are taken as one instruction.
class Counter {
 public:
  void add(ladder::Direction direction, const void* address, std::size_t bytes, int line) {
    const uint3 &thread = cuda_emulator::current.thread, &block = cuda_emulator::current.block;
    const dim3 &extent = cuda_emulator::current.block_extent,
               &grid = cuda_emulator::current.grid_extent;
    const std::size_t block_index = (std::size_t{block.z} * grid.y + block.y) * grid.x + block.x;
    if (block_index != block_index_) end_block();
    block_index_ = block_index;
    const std::size_t index = (std::size_t{thread.z} * extent.y + thread.y) * extent.x + thread.x;
    Warp& warp = lines_[{direction, line}][index / kWarp];
    const std::size_t turn = warp.turns[index % kWarp]++;
    if (turn == warp.sectors.size()) warp.sectors.emplace_back();
    const auto place = reinterpret_cast<std::uintptr_t>(address);
    for (std::uintptr_t sector = place / kSector; sector <= (place + bytes - 1) / kSector; ++sector)
      if (auto& sectors = warp.sectors[turn]; sectors.empty() || sectors.back() != sector)
        sectors.push_back(sector);
    asked_[direction] += static_cast<double>(bytes);
  }

  struct Totals {
    double read_asked, written_asked, read_moved, written_moved;  // bytes
    std::size_t warps;                                            // the most that execute one line
  };
  Totals take() {
    using enum ladder::Direction;
    end_block();
    const Totals totals{asked_[read], asked_[write], moved_[read], moved_[write], warps_};
    *this = {};
    return totals;
  }

 private:
  static constexpr std::size_t kWarp = 32, kSector = 32;

  struct Warp {
    std::size_t turns[kWarp] = {};                     // accesses of each thread so far
    std::vector<std::vector<std::uintptr_t>> sectors;  // of each instruction
  };
  using Line = std::pair<ladder::Direction, int>;

  // Blocks run one after another.
  void end_block() {
    for (const auto& [line, warps] : lines_) {
      if (!first_) first_ = line;
      if (line == *first_) warps_ += warps.size();
      for (const auto& [index, warp] : warps)
        for (const auto& sectors : warp.sectors) {
          const std::set<std::uintptr_t> distinct(sectors.begin(), sectors.end());
          moved_[line.first] += static_cast<double>(distinct.size() * kSector);
        }
    }
    lines_.clear();
  }

  std::map<Line, std::map<std::size_t, Warp>> lines_;  // of the running block
  std::map<ladder::Direction, double> asked_, moved_;
  std::optional<Line> first_;  // the first to access memory; its kernel is the first launch
  std::size_t warps_ = 0;      // that execute it
  std::size_t block_index_ = 0;
};

Counter counter;

Tensor draw(const char* name, const Shape& shape, double low, double high) {
  std::vector<double> elements(static_cast<std::size_t>(shape.numel()));
  const HashedSequence hashed(name);
  for (std::size_t i = 0; i < elements.size(); ++i)
    elements[i] = low + (high - low) * hashed.uniform(i);
  return from_vector(elements, shape);
}

double largest_difference(const Tensor& computed, const Tensor& expected) {
  const std::vector<double> a = computed.to_vector(), b = expected.to_vector();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::isnan(a[i]) ? INFINITY : std::abs(a[i] - b[i]));
  return largest;
}

struct Softmax {
  Tensor x, expected;
  Tensor y;

  Softmax(const Shape& shape, double low, double high)
      : x(draw("ladder", shape, low, high)), expected(softmax(cast(x, DType::f64))) {
    x = x.to(Device::cuda());
    y = empty_like(x);
  }
};

struct BatchNorm {
  ladder::BatchNormCall call;
  Tensor expected;

  BatchNorm(const Shape& shape, double low, double high) {
    const Shape vector{shape[1]};
    const Tensor x = draw("ladder", shape, low, high), weight = draw("weight", vector, 0.5, 1.5),
                 bias = draw("bias", vector, -1, 1);
    const auto wide = [](const Tensor& tensor) { return cast(tensor, DType::f64); };
    expected = batch_norm(wide(x), wide(weight), wide(bias), zeros(vector, DType::f64),
                          full(vector, 1, DType::f64), {.activation = Activation::relu});
    const auto put = [](const Tensor& tensor) { return tensor.to(Device::cuda()); };
    call = {put(x),
            put(weight),
            put(bias),
            1e-5F,
            Tensor(vector, DType::f32, Device::cuda()),
            Tensor(vector, DType::f32, Device::cuda()),
            Tensor(shape, DType::f32, Device::cuda())};
  }
};

// Runs a version and prints its traffic in units of x's bytes.
template <class Run>
Counter::Totals print_traffic(const char* name, const Tensor& x, const Run& run) {
  static_cast<void>(counter.take());
  const std::int64_t before = cuda_emulator::counts().launches;
  run();
  const std::int64_t launches = cuda_emulator::counts().launches - before;
  static_cast<void>(x.to(Device::cpu()));  // waits for the kernels, in any order of streams
  Counter::Totals totals = counter.take();
  const auto bytes = static_cast<double>(x.numel() * 4);
  for (double* each :
       {&totals.read_asked, &totals.written_asked, &totals.read_moved, &totals.written_moved})
    *each /= bytes;
  std::printf("%-23s %8d %7zu %9.2f %8.2f %9.2f %8.2f\n", name, static_cast<int>(launches),
              totals.warps, totals.read_asked, totals.written_asked, totals.read_moved,
              totals.written_moved);
  return totals;
}

void print_head(const char* op, const Tensor& x) {
  std::printf("%s, x %lld x %lld f32; bytes in units of x's\n", op,
              static_cast<long long>(x.dim(0)), static_cast<long long>(x.dim(1)));
  std::printf("%-23s %8s %7s %9s %8s %9s %8s\n", "version", "launches", "warps", "ask read",
              "written", "move read", "written");
}

bool is_near(double value, double expected) { return value >= expected && value < expected + 0.2; }

}  // namespace

void ladder::count_access(Direction direction, const void* address, std::size_t bytes, int line) {
  counter.add(direction, address, bytes, line);
}

// Rows that fill no block, columns that fill no warp, and numbers whose exponentials overflow.
TEST_CASE("every version of softmax agrees with the CPU's in float64") {
  struct Row {
    Shape shape;
    double low, high;
  };
  const Row table[] = {{{1, 4}, -1, 1},          {{300, 36}, -5, 5}, {{9, 1000}, -90, 90},
                       {{17, 260}, 3e4, 3.01e4}, {{5, 1024}, -1, 1}, {{10, 512}, -3e38, 3e38}};
  for (const Row& row : table) {
    CAPTURE(format(row.shape));
    Softmax softmax(row.shape, row.low, row.high);
    for (const ladder::SoftmaxVersion& version : ladder::kSoftmaxVersions) {
      CAPTURE(std::string(version.name));
      version.run(softmax.x, softmax.y);
      CHECK(largest_difference(softmax.y, softmax.expected) <= 2e-6);
    }
  }
}

TEST_CASE("every version of batch norm agrees with the CPU's in float64") {
  struct Row {
    Shape shape;
    double low, high;
  };
  // The last: a mean that is a thousand standard deviations from 0.
  const Row table[] = {{{2, 4}, -1, 1},
                       {{1000, 12}, -1, 1},
                       {{259, 64}, 5, 7},
                       {{515, 200}, -3, -2},
                       {{2000, 36}, 1000, 1003}};
  for (const Row& row : table) {
    CAPTURE(format(row.shape));
    const BatchNorm norm(row.shape, row.low, row.high);
    for (const ladder::BatchNormVersion& version : ladder::kBatchNormVersions) {
      CAPTURE(std::string(version.name));
      version.run(norm.call);
      CHECK(largest_difference(norm.call.y, norm.expected) <= (row.low > 100 ? 2e-3 : 2e-5));
    }
  }
}

TEST_CASE("the vectorised versions refuse shapes that they do not cover") {
  for (const Shape& shape : {Shape{2, 6}, Shape{2, 1028}}) {
    const Softmax softmax(shape, -1, 1);
    CHECK_THROWS_AS(ladder::kSoftmaxVersions[3].run(softmax.x, softmax.y), Error);
  }
  CHECK_THROWS_AS(ladder::kBatchNormVersions[3].run(BatchNorm({8, 6}, -1, 1).call), Error);
}

// The tables of docs/book/06-kernels.md, and of the first comments of the .cu files.
TEST_CASE("traffic") {
  struct Row {
    double read_asked, written_asked, read_moved, written_moved;
  };
  const auto check = [](const Counter::Totals& totals, const Row& row) {
    CHECK(is_near(totals.read_asked, row.read_asked));
    CHECK(is_near(totals.written_asked, row.written_asked));
    CHECK(is_near(totals.read_moved, row.read_moved));
    CHECK(is_near(totals.written_moved, row.written_moved));
  };
  const Row of_softmax[] = {{3, 1, 24, 8}, {3, 1, 3, 1}, {2, 1, 2, 1}, {1, 1, 1, 1}};
  const Row of_batch_norm[] = {{4, 2, 25, 9}, {4, 2, 4, 2}, {7, 2, 7, 2}, {2, 1, 2, 1}};

  const Softmax softmax({1024, 512}, -1, 1);
  print_head("softmax", softmax.x);
  for (std::size_t i = 0; i < 4; ++i) {
    const ladder::SoftmaxVersion& version = ladder::kSoftmaxVersions[i];
    check(print_traffic(version.name, softmax.x, [&] { version.run(softmax.x, softmax.y); }),
          of_softmax[i]);
  }
  const BatchNorm norm({8 * 28 * 28, 64}, -1, 1);
  print_head("batch norm with ReLU", norm.call.x);
  for (std::size_t i = 0; i < 4; ++i) {
    const ladder::BatchNormVersion& version = ladder::kBatchNormVersions[i];
    check(print_traffic(version.name, norm.call.x, [&] { version.run(norm.call); }),
          of_batch_norm[i]);
  }
}
