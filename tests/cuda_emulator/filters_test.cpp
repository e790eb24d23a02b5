// Filters in bf16 and their gradients (ops/rounded_filters.h, Backward::gradient_memory): the
// number of launches, from the emulator's journal, and the values. Only on the emulated device.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ops/ops.h"
#include "ops/rounded_filters.h"
#include "tensor/cuda/allocator.h"
#include "tensor/cuda/graph.h"
#include "tests/cuda_emulator/journal.h"

using namespace osteon;
using cuda_emulator::Journal;

namespace {

// The launches that are not cuDNN's.
int own_launches(const Journal& journal) {
  return static_cast<int>(std::ranges::count_if(journal.calls(), [](const std::string& call) {
    return call.starts_with("launch") && !call.starts_with("launch conv2d");
  }));
}

Tensor bf16_images() { return cast(full({1, 4, 4, 8}, 1).to(Device::cuda()), DType::bf16); }

// Filters of one value.
Tensor filters(double value) {
  return full({8, 1, 1, 8}, value).to(Device::cuda()).set_requires_grad(true);
}

double first_of(const Tensor& x) { return x.to_vector()[0]; }

}  // namespace

TEST_CASE("the filters of a step are rounded in one launch, and again by a replay") {
  const cuda::ArenaScope memory(cuda::make_arena(Device::cuda()));
  const Tensor images = bf16_images();
  const Tensors layers = {filters(1), filters(2), filters(3), filters(4)};
  RoundedFilters rounded;
  Tensor sum;
  // Returns the launches other than cuDNN's and the additions.
  const auto step = [&] {
    const RoundedFilters::Scope scope(&rounded);
    const Journal journal;
    sum = Tensor();
    for (const Tensor& each : layers) {
      const Tensor y = conv2d(images, each);
      sum = sum.defined() ? sum + y : y;
    }
    return own_launches(journal) - 3;
  };
  CHECK(step() == 4);  // none is known yet
  CHECK(first_of(sum) == 80);
  CHECK(step() == 1);
  fill_(layers[3], 1);
  CHECK(step() == 1);
  CHECK(first_of(sum) == 56);
  const auto graph = cuda::Graph::record(Device::cuda(), [&] { CHECK(step() == 1); });
  fill_(layers[0], 2);
  graph->replay();
  CHECK(first_of(sum) == 64);

  sum = Tensor();
  const RoundedFilters::Scope scope(&rounded);
  CHECK(first_of(conv2d(images, layers[0])) == 16);
  fill_(layers[0], 3);
  CHECK(first_of(conv2d(images, layers[0])) == 24);
}

// On a CUDA device the gradients of bf16 convolutions come in bf16.
TEST_CASE("the filters' gradients are converted in one launch when backward ends") {
  const Tensor images = bf16_images();
  const Tensor a = filters(1), b = filters(2), shared = filters(3), loose = filters(4);
  const Tensor places[] = {zeros_like(a), zeros_like(b), zeros_like(shared)};
  a.bind_grad(places[0]), b.bind_grad(places[1]), shared.bind_grad(places[2]);
  const auto launches = [&](const Tensor& y) {
    const Journal journal;
    backward(y, cast(full(y.shape(), 1).to(Device::cuda()), DType::bf16));
    return own_launches(journal);
  };
  const auto gradient = [](const Tensor& x) { return first_of(x.grad()); };
  const int own = launches(conv2d(images, a));  // with those of the given gradient
  CHECK(gradient(a) == 16);
  CHECK(a.grad().raw() == places[0].raw());
  // And the data gradient rounds the filters b; a had a gradient, which is added.
  CHECK(launches(conv2d(conv2d(images, a), b)) == own + 2);
  CHECK(gradient(a) == 16 + 16 * 8 * 2);
  CHECK(gradient(b) == 16 * 8);
  launches(conv2d(conv2d(conv2d(images, shared), shared), loose));
  CHECK(gradient(shared) == 2 * 16 * 8 * 3 * 8 * 4);
  CHECK(gradient(loose) == 16 * 24.0 * 24);
}
