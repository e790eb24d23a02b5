// Error messages for devices that are too old. Only on the emulated device, which a process opens
// once; thus the first case is the one in which opening fails.
#include <doctest/doctest.h>

#include <string>

#include "eval/machine.h"
#include "ops/ops.h"
#include "tests/cuda_emulator/settings.h"
#include "tests/support/message_of.h"

using namespace osteon;

TEST_CASE("a device that the build has no code for is one error with the way out") {
  cuda_emulator::set_devices({"GTX 1080"});
  const std::string message = message_of([] { device_from_name("cuda"); });
  CAPTURE(message);
  for (const char* part :
       {"device cuda:0: this build has no code for emulated GTX 1080 of compute capability 6.1 (",
        "), only for ", "; configure with -DCMAKE_CUDA_ARCHITECTURES=61 or use the device cpu"})
    CHECK_MESSAGE(contains(message, part), part);
  CHECK(device_from_name("auto") == Device::cpu());
}

TEST_CASE("bf16 is refused by name below compute capability 8.0") {
  cuda_emulator::set_devices({"T4"});
  const Device device = device_from_name("cuda");
  const Tensor x = full({1, 4, 4, 8}, 0.5).to(device), weight = full({8, 3, 3, 8}, 0.25).to(device);
  const auto in_bf16 = [](const Tensor& t) { return cast(t, DType::bf16); };
  struct Row {
    std::string message, expected;
  };
  const std::string why =
      "cuda:0 (emulated T4) has compute capability 7.5, bf16 and tf32 need 8.0; use f32";
  const Row table[] = {
      {message_of([&] { conv2d(in_bf16(x), in_bf16(weight)); }), "conv"},
      {message_of([&] { activation_dtype("bf16", device); }), "--precision bf16"},
      {message_of([&] { activation_dtype("tf32", device); }), "--precision tf32"},
  };
  for (const Row& row : table) {
    CAPTURE(row.message);
    CHECK(row.message.starts_with(row.expected));
    CHECK(contains(row.message, why));
  }
  CHECK(activation_dtype("fp32", device) == DType::f32);
  CHECK(conv2d(x, weight).to(Device::cpu()).to_vector()[0] == 9);
  CHECK(relu(in_bf16(x)).to(Device::cpu()).to_vector()[0] == 0.5);
}
