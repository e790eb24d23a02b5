// Several devices: the runtime's calls need the device of their stream to be selected in the thread
// that makes them. Only on emulated devices.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "ops/ops.h"
#include "tests/cuda_emulator/settings.h"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

const Device kFirst = Device::cuda(0), kSecond = Device::cuda(1);

Tensor on(const Device& device, Shape shape, double value) {
  return full(std::move(shape), value).to(device);
}

struct Row {
  std::string name;
  std::vector<Shape> inputs;  // all are full of ones
  std::function<Tensor(const Tensors&)> op;
  double expected;  // the first value
};

const Row kTable[] = {
    {"kernel", {{3}}, [](const Tensors& x) { return x[0] + 1.0; }, 2},
    {"convolution",
     {{1, 4, 4, 8}, {8, 3, 3, 8}},
     [](const Tensors& x) { return conv2d(x[0], x[1]); },
     72},
    {"batch norm",
     {{2, 4, 4, 8}, {8}, {8}, {8}, {8}},
     [](const Tensors& x) { return batch_norm(x[0], x[1], x[2], x[3], x[4], {}); },
     1},
    {"product", {{2, 3}, {3, 2}}, [](const Tensors& x) { return matmul(x[0], x[1]); }, 3},
};

Tensors inputs_on(const Device& device, const Row& row) {
  Tensors inputs;
  for (const Shape& shape : row.inputs) inputs.push_back(on(device, shape, 1));
  return inputs;
}

}  // namespace

// The outputs take memory that was used before, so only the op itself can select the device.
TEST_CASE("every kind of op runs on either device, in any thread") {
  cuda_emulator::set_devices({"A100", "RTX 4090", "GTX 1080"});
  for (const Row& row : kTable) {
    CAPTURE(row.name);
    const Tensors first = inputs_on(kFirst, row), second = inputs_on(kSecond, row);
    Tensors outputs;
    for (int i = 0; i < 2; ++i) {
      outputs.clear();
      for (const Tensors* const inputs : {&first, &second, &first})
        outputs.push_back(row.op(*inputs));
      std::thread([&] { outputs.push_back(row.op(second)); }).join();
    }
    for (const Tensor& output : outputs) CHECK(output.to_vector()[0] == row.expected);
  }
}

TEST_CASE("a device that cannot be opened leaves the selected one alone") {
  const Tensor x = on(kFirst, {3}, 1);
  CHECK(contains(message_of([] { on(Device::cuda(2), {1}, 0); }),
                 "device cuda:2: this build has no code for emulated GTX 1080"));
  CHECK((x + 1.0).to_vector() == std::vector<double>{2, 2, 2});
}

TEST_CASE("tensors of two devices in one op are an error") {
  CHECK(contains(message_of([] { on(kFirst, {2}, 1) + on(kSecond, {2}, 1); }), "cuda:1"));
}

TEST_CASE("an algorithm of a product is used again only for what it was chosen for") {
  const Tensor x = on(kFirst, {2, 3}, 1), weight = on(kFirst, {4, 3}, 1),
               offsets = on(kFirst, {8}, 1);
  for (const std::int64_t first :
       {0, 1, 2, 4}) {  // a slice that begins there has another alignment
    CAPTURE(first);
    CHECK(linear(x, weight, offsets.rows(first, first + 4)).to_vector()[0] == 4);
  }
}

TEST_CASE("a product in bf16 adds up in f32") {
  const Tensor x = cast(from_vector({256, 1, -256, 0}, {1, 4}, DType::f32), DType::bf16);
  const Tensor ones = cast(full({4, 1}, 1), DType::bf16);
  CHECK(matmul(x.to(kFirst), ones.to(kFirst)).to_vector()[0] == 1);
}
