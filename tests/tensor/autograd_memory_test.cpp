// Long graphs need neither stack nor memory, and belong to no thread.
#include "tensor/autograd.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/tensor/small_ops.h"

using namespace osteon;

namespace {

std::size_t current_bytes() { return memory_statistics().current_bytes; }

// Bytes in use each time that a rule of `watched` ran, the last op first.
std::vector<std::size_t>& memory_seen() {
  static std::vector<std::size_t> seen;
  return seen;
}

Tensor watched(const Tensor& x) {
  const Tensor y = x.clone();
  return record(OpSchema{"watched"}, y, {x}, {y}, {}, [](const Backward& backward) -> Tensors {
    memory_seen().push_back(current_bytes());
    return {backward.dy().clone()};
  });
}

}  // namespace

TEST_CASE("saved tensors are freed as backward passes them, gradients as soon as they are used") {
  constexpr std::size_t kBlock = 1 << 20;
  constexpr std::size_t kOps = 8;
  const Tensor x = zeros({kBlock / 4}).set_requires_grad(true);
  const std::size_t base = current_bytes();
  Tensor y = x;
  for (std::size_t i = 0; i < kOps; ++i) y = watched(y);
  CHECK(current_bytes() == base + kOps * kBlock);
  const std::shared_ptr<Node> last = y.grad_fn();
  y = Tensor();
  memory_seen().clear();
  reset_peak_memory();
  {
    const Tensor output({kBlock / 4}, DType::f32);
    output.set_history(last, 0);
    backward(output, zeros({kBlock / 4}));
  }
  // At op i, in addition to the saved tensors of earlier ops: its dy; at first the output and the
  // given dy.
  REQUIRE(memory_seen().size() == kOps);
  for (std::size_t i = 0; i < kOps; ++i) {
    CAPTURE(i);
    const std::size_t given = 2 * kBlock, dy = i == 0 ? 0 : kBlock;
    CHECK(memory_seen()[i] == base + (kOps - i) * kBlock + given + dy);
  }
  CHECK(current_bytes() == base + kBlock);  // x's gradient
}

TEST_CASE("a graph without a backward pass is freed, though its ops saved their own outputs") {
  const Tensor x = leaf({1});
  const std::size_t base = current_bytes();
  std::weak_ptr<Node> node;
  {
    const Tensor y = watched(watched(x));
    node = y.grad_fn();
    CHECK(!node.expired());
  }
  CHECK(node.expired());
  CHECK(current_bytes() == base);
}

TEST_CASE("a chain of a million ops neither recurses nor leaks") {
  constexpr int kOps = 1'000'000;
  struct Row {
    std::string what;
    bool walked;
  };
  for (const Row& row : {Row{"built and dropped", false}, Row{"processed and dropped", true}}) {
    CAPTURE(row.what);
    const Tensor x = leaf({1});
    const std::size_t base = current_bytes();
    {
      Tensor y = identity(x);
      const std::weak_ptr<Node> first = y.grad_fn();
      for (int i = 1; i < kOps; ++i) y = identity(y);
      if (row.walked) {
        backward(y);
        CHECK(x.grad().item() == 1);
        x.zero_grad();
      }
      CHECK(!first.expired());
      y = Tensor();
      CHECK(first.expired());
    }
    CHECK(current_bytes() == base);
  }
}

TEST_CASE("a long chain in which each op uses its input twice is processed once per op") {
  const Tensor x = leaf({1});
  {
    Tensor y = x;
    for (int i = 0; i < 100; ++i) y = add(y, y);
    backward(y);
  }
  CHECK(x.grad().item() == 0x1p100);
}

TEST_CASE("a graph may be built in one thread and processed in another") {
  const Tensor x = leaf({3});
  Tensor y;
  std::thread([&] { y = mul(x, x); }).join();
  const Tensor z = scale(y, 2);
  std::thread([&] { backward(z); }).join();
  CHECK(x.grad().item() == 12);
}
