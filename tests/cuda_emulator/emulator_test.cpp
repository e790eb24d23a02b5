// The emulator runs kernels like a device and detects errors. The other tests on an emulated device
// rely on this.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"
#include "tests/support/message_of.h"

using namespace osteon;

namespace {

using cuda::launch;

__global__ void write_index(int count, int* to) {
  const auto i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) to[i] = i;
}

__global__ void sum_by_barriers(const int* from, int* to) {
  __shared__ int values[256];
  values[threadIdx.x] = from[threadIdx.x];
  for (unsigned int half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) values[threadIdx.x] += values[threadIdx.x + half];
  }
  if (threadIdx.x == 0) *to = values[0];
}

__global__ void sum_by_shuffles(const int* from, int* to) {
  int value = from[threadIdx.x];
  for (int distance = 16; distance > 0; distance /= 2)
    value += __shfl_xor_sync(0xFFFFFFFF, value, distance);
  to[threadIdx.x] = value;
}

__global__ void read_at(const int* from, std::int64_t offset, int* to) { *to = from[offset]; }

__global__ void write_at(int* to, std::int64_t offset) { to[offset] = 1; }

__global__ void load_pack_at(const int* from, std::int64_t offset, int* to) {
  *to = cuda::load<4>(from + offset).at[0];
}

__global__ void partial_barrier(int* to) {
  if (threadIdx.x % 2 == 0) __syncthreads();
  to[threadIdx.x] = 1;
}

__global__ void two_barriers(int* to) {
  if (threadIdx.x % 2 == 0)
    __syncthreads();
  else
    __syncthreads();
  to[threadIdx.x] = 1;
}

__global__ void partial_shuffle(int* to) {
  if (threadIdx.x < 16) to[threadIdx.x] = __shfl_xor_sync(0xFFFFFFFF, 1, 1);
}

Tensor bytes(std::int64_t count) { return Tensor({count}, DType::u8, Device::cuda()); }
int* ints(const Tensor& x) { return reinterpret_cast<int*>(x.raw()); }

std::vector<int> values_of(const Tensor& x) {
  const Tensor here = x.to(Device::cpu());
  const int* const first = ints(here);
  return {first, first + here.numel() / 4};
}

std::string fault_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const cuda_emulator::Fault& fault) {
    return fault.what();
  }
  return "";
}

}  // namespace

TEST_CASE("blocks and threads cover all indices") {
  const Tensor x = bytes(4 * 1000);
  launch("test", x, write_index, dim3(4), dim3(256), 1000, ints(x));
  const std::vector<int> values = values_of(x);
  for (int i = 0; i < 1000; ++i) CHECK(values[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("barriers and shuffles order the threads of a block") {
  const Tensor from = bytes(4 * 256), to = bytes(4 * 256);
  launch("test", from, write_index, dim3(1), dim3(256), 256, ints(from));
  launch("test", to, sum_by_barriers, dim3(3), dim3(256), ints(from), ints(to));
  CHECK(values_of(to)[0] == 255 * 256 / 2);
  launch("test", to, sum_by_shuffles, dim3(1), dim3(256), ints(from), ints(to));
  for (int i = 0; i < 256; ++i)
    CHECK(values_of(to)[static_cast<std::size_t>(i)] == i / 32 * 32 * 32 + 31 * 32 / 2);
}

TEST_CASE("fresh memory is NaN, and the host's memory is not the device's") {
  const Tensor fresh({3}, DType::f32, Device::cuda());
  for (const double element : fresh.to_vector()) CHECK(element != element);
}

TEST_CASE("forbidden actions of a kernel are detected") {
  const Tensor x = bytes(64), to = bytes(4 * 64);
  struct Case {
    std::function<void()> action;
    const char* message;
  };
  const dim3 one(1);
  const Case cases[] = {
      {[&] { launch("test", x, read_at, one, one, ints(x), 64LL, ints(to)); },
       "192 bytes past the end of an allocation of 64"},
      {[&] { launch("test", x, read_at, one, one, ints(x), 1LL << 40, ints(to)); }, "touches"},
      {[&] { launch("test", x, write_at, one, one, ints(x), 16LL); },
       "wrote outside an allocation of 64 bytes"},
      {[&] { launch("test", x, write_at, one, one, ints(x), -1LL); },
       "wrote outside an allocation of 64 bytes"},
      {[&] { launch("test", x, load_pack_at, one, one, ints(x), 1LL, ints(to)); }, "misaligned"},
      {[&] { launch("test", x, partial_barrier, one, dim3(64), ints(to)); },
       "is reached by 32 of 64 threads of block (0,0,0)"},
      {[&] { launch("test", x, two_barriers, one, dim3(64), ints(to)); }, "different barriers"},
      {[&] { launch("test", x, partial_shuffle, one, dim3(32), ints(to)); },
       "thread 0 of block (0,0,0) shuffles with thread 16, which does not take part"},
  };
  for (const Case& each : cases) {
    const std::string fault = fault_of(each.action);
    CAPTURE(fault);
    CHECK(contains(fault, each.message));
  }
  // And the next kernel runs normally.
  launch("test", to, write_index, one, dim3(64), 64, ints(to));
  CHECK(values_of(to)[63] == 63);
}

TEST_CASE("a launch that no device would take is an error that names the op") {
  const Tensor x = bytes(64);
  for (const auto& extents : {std::pair(dim3(1), dim3(2048)), std::pair(dim3(0), dim3(1)),
                              std::pair(dim3(1, 65536), dim3(1))})
    CHECK(message_of(
              [&] { launch("test", x, write_index, extents.first, extents.second, 0, ints(x)); }) ==
          "test: cudaLaunchKernel: cudaErrorInvalidConfiguration (cudaErrorInvalidConfiguration)");
}
