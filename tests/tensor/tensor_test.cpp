// Tensors: shapes, dtypes, shared memory, in-place operations and memory statistics.
#include "tensor/tensor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "base/parallel.h"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

using Elements = std::vector<double>;

constexpr DType kDTypes[] = {DType::f64, DType::f32, DType::bf16, DType::i64, DType::u8};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

std::size_t current_bytes() { return memory_statistics().current_bytes; }

}  // namespace

TEST_CASE("a shape has a number of elements and dimensions, and prints itself") {
  struct Row {
    Shape shape;
    std::int64_t rank, numel;
    std::string text;
  };
  const Row rows[] = {
      {{}, 0, 1, "[]"},
      {{5}, 1, 5, "[5]"},
      {{2, 3, 4}, 3, 24, "[2,3,4]"},
      {{2, 0, 4}, 3, 0, "[2,0,4]"},
      {{std::int64_t{1} << 30, std::int64_t{1} << 30},
       2,
       std::int64_t{1} << 60,
       "[1073741824,1073741824]"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(row.shape.rank() == row.rank);
    CHECK(row.shape.numel() == row.numel);
    CHECK(format(row.shape) == row.text);
    for (std::int64_t i = 0; i < row.rank; ++i) {
      CHECK(row.shape[i] == row.shape.extents()[static_cast<std::size_t>(i)]);
      CHECK(row.shape[i - row.rank] == row.shape[i]);
    }
  }
  CHECK(Shape{2, 3} == Shape(std::vector<std::int64_t>{2, 3}));
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{} != Shape{1});
}

TEST_CASE("each function that creates a tensor, in each dtype") {
  for (const DType dtype : kDTypes) {
    CAPTURE(format(dtype));
    CHECK(from_vector({1, 2, 3, 4, 5, 6}, {2, 3}, dtype).to_vector() == Elements{1, 2, 3, 4, 5, 6});
    CHECK(full({2, 2}, 7, dtype).to_vector() == Elements{7, 7, 7, 7});
    CHECK(zeros({3}, dtype).to_vector() == Elements{0, 0, 0});
    CHECK(zeros({2, 0}, dtype).to_vector().empty());
    CHECK(full({}, 9, dtype).item() == 9);
    const Tensor x({4, 5}, dtype);
    CHECK(x.dtype() == dtype);
    CHECK(x.shape() == Shape{4, 5});
    CHECK(x.rank() == 2);
    CHECK(x.dim(-1) == 5);
    CHECK(x.bytes() == 20 * size_of(dtype));
    CHECK(x.device() == Device::cpu());
    CHECK(reinterpret_cast<std::uintptr_t>(x.raw()) % 64 == 0);
    for (const Tensor& like : {empty_like(x), zeros_like(x)}) {
      CHECK(like.shape() == x.shape());
      CHECK(like.dtype() == dtype);
      CHECK(!like.shares_memory(x));
    }
    CHECK(zeros_like(x).to_vector() == Elements(20, 0));
  }
  CHECK(!Tensor().defined());
}

TEST_CASE("views, rows, detached tensors and copied handles view the same elements") {
  const Tensor x = from_vector({0, 1, 2, 3, 4, 5}, {3, 2});
  struct Row {
    std::string what;
    Tensor tensor;
    Shape shape;
    Elements elements;
  };
  const Tensor middle = x.rows(1, 3);
  const Row rows[] = {{"handle", x, {3, 2}, {0, 1, 2, 3, 4, 5}},
                      {"view", x.view({2, 1, 3}), {2, 1, 3}, {0, 1, 2, 3, 4, 5}},
                      {"detach", x.detach(), {3, 2}, {0, 1, 2, 3, 4, 5}},
                      {"rows", middle, {2, 2}, {2, 3, 4, 5}},
                      {"rows of rows", middle.rows(1, 2), {1, 2}, {4, 5}},
                      {"view of rows", middle.view({4}), {4}, {2, 3, 4, 5}},
                      {"no rows", x.rows(3, 3), {0, 2}, {}}};
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(row.tensor.shape() == row.shape);
    CHECK(row.tensor.to_vector() == row.elements);
    CHECK(row.tensor.shares_memory(x));
    const std::uint64_t version = x.version();
    row.tensor.bump_version();
    CHECK(x.version() == version + 1);
  }
  fill_(middle.rows(0, 1), 9);
  CHECK(x.to_vector() == Elements{0, 1, 9, 9, 4, 5});

  const Tensor copy = middle.clone();
  CHECK(!copy.shares_memory(x));
  fill_(x, 0);
  CHECK(copy.to_vector() == Elements{9, 9, 4, 5});
  CHECK(zeros({0, 3}).rows(0, 0).shape() == Shape{0, 3});
}

TEST_CASE("memory has one owner until a handle or a view of it appears") {
  const Tensor x = zeros({2});
  CHECK(x.owns_memory_alone());
  {
    const Tensor handle = x;
    CHECK(!x.owns_memory_alone());
  }
  CHECK(x.owns_memory_alone());
  const Tensor view = x.view({2});
  CHECK(!x.owns_memory_alone());
  CHECK(!view.owns_memory_alone());
}

TEST_CASE("a float becomes the nearest bf16, ties to even, and NaN stays NaN") {
  struct Row {
    std::string what;
    std::uint32_t wide;
    std::uint16_t bits;
  };
  const Row rows[] = {
      {"one", 0x3F800000, 0x3F80},
      {"minus zero", 0x80000000, 0x8000},
      {"below the half: down", 0x3F807FFF, 0x3F80},
      {"half, even: down", 0x3F808000, 0x3F80},
      {"above the half: up", 0x3F808001, 0x3F81},
      {"half, odd: up", 0x3F818000, 0x3F82},
      {"negative half, odd: away", 0xBF818000, 0xBF82},
      {"carries into the exponent", 0x3FFF8000, 0x4000},
      {"the largest float rounds to infinity", 0x7F7FFFFF, 0x7F80},
      {"the largest bf16 stays", 0x7F7F0000, 0x7F7F},
      {"infinity", 0x7F800000, 0x7F80},
      {"minus infinity", 0xFF800000, 0xFF80},
      {"smallest subnormal float", 0x00000001, 0x0000},
      {"subnormal, half, odd", 0x00018000, 0x0002},
      {"quiet NaN", 0x7FC00000, 0x7FC0},
      {"NaN with low bits only stays NaN", 0x7F800001, 0x7FC0},
      {"NaN of all ones keeps its sign", 0xFFFFFFFF, 0xFFFF},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(bfloat16(from_bits(row.wide)).bits == row.bits);
    bfloat16 narrow;
    narrow.bits = row.bits;
    CHECK(bfloat16(static_cast<float>(narrow)).bits == row.bits);
  }
}

TEST_CASE("copy_ converts between all dtypes") {
  const Elements elements = {0, 1, 2, 100, 255};
  for (const DType from : kDTypes)
    for (const DType to : kDTypes) {
      CAPTURE(format(from));
      CAPTURE(format(to));
      const Tensor x = zeros({5}, to);
      copy_(x, from_vector(elements, {5}, from));
      CHECK(x.to_vector() == elements);
    }
}

TEST_CASE("conversions keep what the target can hold") {
  struct Row {
    std::string what;
    double value;
    DType dtype;
    double expected;
  };
  const Row rows[] = {
      {"f32 rounds", 0.1, DType::f32, static_cast<double>(0.1f)},
      {"bf16 rounds", 0.1, DType::bf16, 0x1.9ap-4},
      {"bf16 tie to even", 1 + 0x1p-8, DType::bf16, 1},
      {"bf16 overflows to infinity", 1e39, DType::bf16, kInfinity},
      {"f32 infinity", -kInfinity, DType::f32, -kInfinity},
      {"f64 exact", 0.1, DType::f64, 0.1},
      {"i64 truncates", -2.9, DType::i64, -2},
      {"i64 beyond f32", 16777217, DType::i64, 16777217},
      {"u8 truncates", 254.9, DType::u8, 254},
      {"u8 truncates toward zero", -0.9, DType::u8, 0},
      {"u8 has a largest", 256, DType::u8, 255},
      {"u8 has a smallest", -1, DType::u8, 0},
      {"u8 of infinity", kInfinity, DType::u8, 255},
      {"u8 of NaN", kNan, DType::u8, 0},
      {"i64 at its end", 0x1p63 - 1024, DType::i64, 0x1p63 - 1024},
      {"i64 has a largest", 1e300, DType::i64, 0x1p63},  // 2^63 - 1, rounded by item()
      {"i64 has a smallest", -1e300, DType::i64, -0x1p63},
      {"i64 of NaN", kNan, DType::i64, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(from_vector({row.value}, {1}, row.dtype).item() == row.expected);
    CHECK(full({1}, row.value, row.dtype).item() == row.expected);
    const Tensor copy = zeros({1}, row.dtype);
    copy_(copy, full({1}, row.value, DType::f64));
    CHECK(copy.item() == row.expected);
  }
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16})
    CHECK(std::isnan(full({1}, kNan, dtype).item()));
}

TEST_CASE("integers from other types are saturated, not wrapped") {
  struct Row {
    double value;
    DType from, to;
    double expected;
  };
  const Row rows[] = {
      {300, DType::i64, DType::u8, 255},    {-1, DType::i64, DType::u8, 0},
      {0x1p40, DType::i64, DType::u8, 255}, {300, DType::f32, DType::u8, 255},
      {300, DType::bf16, DType::u8, 255},   {1e38, DType::f32, DType::i64, 0x1p63},
      {kNan, DType::bf16, DType::i64, 0},   {255, DType::u8, DType::i64, 255},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    CAPTURE(format(row.from));
    CAPTURE(format(row.to));
    const Tensor x = zeros({1}, row.to);
    copy_(x, from_vector({row.value}, {1}, row.from));
    CHECK(x.item() == row.expected);
  }
}

TEST_CASE("fill_, copy_ and add_ change every element and bump the version once") {
  const std::int64_t n = 200'001;  // more than one thread's share
  const auto size = static_cast<std::size_t>(n);
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16}) {
    CAPTURE(format(dtype));
    const Tensor x = zeros({n}, dtype), y = full({n}, 3, dtype);
    std::uint64_t version = x.version();
    fill_(x, 2);
    CHECK(x.to_vector() == Elements(size, 2));
    CHECK(x.version() == ++version);
    add_(x, y);
    CHECK(x.to_vector() == Elements(size, 5));
    CHECK(x.version() == ++version);
    add_(x, x);
    CHECK(x.to_vector() == Elements(size, 10));
    CHECK(x.version() == ++version);
    copy_(x, y);
    CHECK(x.to_vector() == Elements(size, 3));
    CHECK(x.version() == ++version);
    CHECK(y.to_vector() == Elements(size, 3));
  }
}

TEST_CASE("bf16 sums are rounded once, from a float") {
  const Tensor x = from_vector({256, 256, 1}, {3}, DType::bf16);
  add_(x, from_vector({1, 3, -1}, {3}, DType::bf16));  // 257 and 259 lie between two bf16
  CHECK(x.to_vector() == Elements{256, 260, 0});
}

TEST_CASE("misuse is an error with the value found and the value expected") {
  const Tensor x = zeros({2, 3}), y = zeros({3, 2}), wide = zeros({2, 3}, DType::f64);
  const Tensor count = zeros({2, 3}, DType::i64), none;
  const auto storage = std::make_shared<Storage>(40, Device::cpu());
  struct Row {
    std::function<void()> action;
    std::string message;
  };
  const Row rows[] = {
    {[] {
       Shape({2, -1});
     },
     "shape: [2,-1] has a negative extent"},
    {[] {
       Shape({std::int64_t{1} << 32, std::int64_t{1} << 32});
     },
     "more elements than any"},
    {[] {
       Shape({0, std::int64_t{1} << 32, std::int64_t{1} << 32});
     },
     "more elements than any"},
    {[&] { x.dim(2); }, "shape: [2,3] has no dimension 2"},
    {[&] { x.dim(-3); }, "shape: [2,3] has no dimension -3"},
    {[&] { none.shape(); }, "use of an undefined tensor"},
    {[&] { none.requires_grad(); }, "use of an undefined tensor"},
    {[&] { copy_(x, none); }, "use of an undefined tensor"},
    {[&] { x.data<double>(); }, "tensor: data<f64>() of a f32 tensor"},
    {[&] { x.item(); }, "item: tensor [2,3] has 6 elements, needs one"},
    {[&] { x.view({4}); }, "view: [2,3] has 6 elements, not the 4 of [4]"},
    {[&] { x.rows(-1, 1); }, "rows: [-1, 1) of [2,3]"},
    {[&] { x.rows(1, 3); }, "rows: [1, 3) of [2,3]"},
    {[&] { x.rows(2, 1); }, "rows: [2, 1) of [2,3]"},
    {[] { zeros({}).rows(0, 0); }, "rows: [0, 0) of []"},
    {[] {
       from_vector({1, 2}, {3});
     },
     "from_vector: 2 elements for shape [3]"},
    {[&] { copy_(x, y); }, "copy_: from [3,2] to [2,3]"},
    {[&] { add_(x, y); }, "add_: [2,3] f32 on cpu and [3,2] f32 on cpu differ"},
    {[&] { add_(x, wide); }, "add_: [2,3] f32 on cpu and [2,3] f64 on cpu differ"},
    {[&] { add_(count, count); }, "add_: needs a floating-point tensor (f64, f32, bf16), got i64"},
    {[&] { Tensor(count).set_requires_grad(true); }, "set_requires_grad: i64 tensors have no"},
    {[&] { x.bind_grad(y); }, "bind_grad: buffer [3,2] f32 for a leaf [2,3] f32"},
    {[&] { x.bind_grad(wide); }, "bind_grad: buffer [2,3] f64 for a leaf [2,3] f32"},
    {[&] { Tensor(storage, 5, {6}, DType::f32); }, "[6] f32 at element 5 does not fit into 40"},
    {[&] { Tensor(storage, -1, {1}, DType::f32); }, "at element -1 does not fit"},
    {[] { zeros({std::int64_t{1} << 50}); }, "out of memory: asked for 4503599627370496 bytes"},
#if !defined(OSTEON_HAS_CUDA)
    {[] { zeros({1}, DType::f32, Device::cuda(1)); }, "device cuda:1: this build has no CUDA"},
    {[] { memory_statistics(Device::cuda()); }, "device cuda:0: this build has no CUDA"},
#endif
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const std::string message = message_of(row.action);
    CAPTURE(message);
    CHECK(contains(message, row.message));
  }
  CHECK(x.to_vector() == Elements(6, 0));
  CHECK(Tensor(storage, 4, {6}, DType::f32).defined());
}

TEST_CASE("memory and its peak are counted, and all memory is returned") {
  constexpr std::size_t kMega = 1 << 20;
  const std::size_t base = current_bytes();
  reset_peak_memory();
  CHECK(memory_statistics().peak_bytes == base);
  {
    const Tensor x({kMega}, DType::u8);
    CHECK(current_bytes() == base + kMega);
    {
      const Tensor y({2 * kMega}, DType::u8), view = x.view({1024, 1024});
      CHECK(current_bytes() == base + 3 * kMega);
    }
    CHECK(current_bytes() == base + kMega);
    CHECK(memory_statistics().peak_bytes == base + 3 * kMega);
    reset_peak_memory();
    CHECK(memory_statistics().peak_bytes == base + kMega);
    CHECK(!message_of([] { zeros({std::int64_t{1} << 50}); }).empty());
    CHECK(current_bytes() == base + kMega);
  }
  CHECK(current_bytes() == base);
}

// Not under the address sanitizer, with which each block is new, so that it detects every invalid
// access.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("a freed block is reused for the same size") {
  const std::byte* first = nullptr;
  {
    const Tensor x({1 << 20}, DType::u8);
    first = x.raw();
  }
  const Tensor again({(1 << 20) - 100}, DType::u8);  // rounds up to the same number of pages
  CHECK(again.raw() == first);
}
#endif

TEST_CASE("memory may be taken and returned by several threads at once") {
  const std::size_t base = current_bytes();
  parallel_for(64, 1, [](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t round = 0; round < 50; ++round) {
        const Tensor x = full({1000 * (i % 7 + 1) * (round % 5 + 1)}, static_cast<double>(i));
        if (x.rows(0, 1).item() != static_cast<double>(i)) throw Error("lost a value");
      }
  });
  CHECK(current_bytes() == base);
}

TEST_CASE("a tensor prints itself") {
  const auto counted = [](const Shape& shape, DType dtype) {
    std::vector<double> elements;
    for (std::int64_t i = 0; i < shape.numel(); ++i) elements.push_back(static_cast<double>(i));
    return from_vector(elements, shape, dtype);
  };
  struct Row {
    Tensor tensor;
    std::string text;
  };
  const Row rows[] = {
      {Tensor(), "undefined tensor"},
      {from_vector({2.5}, {}), "2.5 f32 [] cpu"},
      {from_vector({1, -2.5, 1e-6}, {3}, DType::f64), "[    1,  -2.5, 1e-06] f64 [3] cpu"},
      {from_vector({kNan, -kInfinity, 0.1}, {3}), "[ nan, -inf,  0.1] f32 [3] cpu"},
      {counted({2, 3}, DType::i64), "[[0, 1, 2],\n [3, 4, 5]] i64 [2,3] cpu"},
      {counted({2, 2, 2}, DType::u8),
       "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]] u8 [2,2,2] cpu"},
      {counted({2, 0}, DType::f32), "[[],\n []] f32 [2,0] cpu"},
      {zeros({5000, 0}), "[[],\n [],\n [],\n ...,\n [],\n [],\n []] f32 [5000,0] cpu"},
      {counted({7}, DType::i64), "[0, 1, 2, 3, 4, 5, 6] i64 [7] cpu"},
      {counted({1000}, DType::u8).rows(3, 5), "[3, 4] u8 [2] cpu"},
      {counted({1001}, DType::i64), "[   0,    1,    2, ...,  998,  999, 1000] i64 [1001] cpu"},
      {full({100, 2, 6}, 1, DType::bf16),
       "[[[1, 1, 1, 1, 1, 1],\n  [1, 1, 1, 1, 1, 1]],\n\n [[1, 1, 1, 1, 1, 1],\n  [1, 1, 1, 1, 1, "
       "1]],\n\n [[1, 1, 1, 1, 1, 1],\n  [1, 1, 1, 1, 1, 1]],\n\n ...,\n\n [[1, 1, 1, 1, 1, 1],\n  "
       "[1, 1, 1, 1, 1, 1]],\n\n [[1, 1, 1, 1, 1, 1],\n  [1, 1, 1, 1, 1, 1]],\n\n [[1, 1, 1, 1, 1, "
       "1],\n  [1, 1, 1, 1, 1, 1]]] bf16 [100,2,6] cpu"},
  };
  for (const Row& row : rows) CHECK(format(row.tensor) == row.text);
}
