// The emulator runs kernels like a device and detects errors. The other tests on an emulated device
// rely on this.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tensor/cuda/launch.cuh"
#include "tensor/cuda/pack.cuh"
#include "tests/cuda_emulator/settings.h"
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

namespace {

// Two streams of the first device, two halves of its memory, and pinned memory of the host.
struct Runtime {
  Runtime() {
    REQUIRE(cudaSetDevice(0) == cudaSuccess);
    for (cudaStream_t& stream : streams)
      REQUIRE(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
    for (void*& memory : device) REQUIRE(cudaMalloc(&memory, kBytes) == cudaSuccess);
    REQUIRE(cudaMallocHost(&pinned, kBytes) == cudaSuccess);
    REQUIRE(cudaEventCreateWithFlags(&event, cudaEventDisableTiming) == cudaSuccess);
  }
  ~Runtime() {
    for (const cudaStream_t stream : streams) static_cast<void>(cudaStreamDestroy(stream));
    for (void* const memory : device) static_cast<void>(cudaFree(memory));
    static_cast<void>(cudaFreeHost(pinned));
    static_cast<void>(cudaEventDestroy(event));
  }
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  static cudaError_t copy(void* to, const void* from, cudaStream_t stream) {
    return cudaMemcpyAsync(to, from, 1, cudaMemcpyDefault, stream);
  }
  void set_pinned(int value) const {
    *static_cast<unsigned char*>(pinned) = static_cast<unsigned char>(value);
  }
  // The first byte of device memory, by a copy on a stream.
  int read(const void* memory, cudaStream_t stream) const {
    unsigned char value = 0;
    REQUIRE(copy(&value, memory, stream) == cudaSuccess);
    return value;
  }

  static constexpr std::size_t kBytes = 256;
  cudaStream_t streams[2] = {};
  void* device[2] = {};
  void* pinned = nullptr;
  cudaEvent_t event = nullptr;
};

constexpr int kFresh = 0xFF;

}  // namespace

// The second stream copies the host's byte to the device while the first reads it.
TEST_CASE("streams run as late and as early as events allow") {
  using cuda_emulator::Order;
  enum class Ordered { no, by_event };
  struct Row {
    Order order;
    Ordered ordered;
    int expected;
  };
  const Row table[] = {
      {Order::immediate, Ordered::no, 1},  {Order::late, Ordered::no, kFresh},
      {Order::early, Ordered::no, 1},      {Order::immediate, Ordered::by_event, 1},
      {Order::late, Ordered::by_event, 1}, {Order::early, Ordered::by_event, 1},
  };
  for (const Row& row : table) {
    CAPTURE(static_cast<int>(row.order));
    CAPTURE(static_cast<int>(row.ordered));
    cuda_emulator::set_order(row.order);
    const Runtime on;
    on.set_pinned(1);
    CHECK(Runtime::copy(on.device[0], on.pinned, on.streams[1]) == cudaSuccess);
    if (row.ordered == Ordered::by_event) {
      CHECK(cudaEventRecord(on.event, on.streams[1]) == cudaSuccess);
      CHECK(cudaStreamWaitEvent(on.streams[0], on.event, 0) == cudaSuccess);
    }
    CHECK(on.read(on.device[0], on.streams[0]) == row.expected);
  }
  cuda_emulator::set_order(Order::immediate);
}

// The host changes the source of a copy at once.
TEST_CASE("a copy reads page-locked memory when the stream comes to it, pageable memory at once") {
  using cuda_emulator::Order;
  for (const Order order : {Order::immediate, Order::late}) {
    cuda_emulator::set_order(order);
    const Runtime on;
    unsigned char pageable = 1;
    on.set_pinned(1);
    CHECK(Runtime::copy(on.device[0], on.pinned, on.streams[0]) == cudaSuccess);
    CHECK(Runtime::copy(on.device[1], &pageable, on.streams[0]) == cudaSuccess);
    on.set_pinned(2);
    pageable = 2;
    CHECK(on.read(on.device[0], on.streams[0]) == (order == Order::late ? 2 : 1));
    CHECK(on.read(on.device[1], on.streams[0]) == 1);
  }
  cuda_emulator::set_order(Order::immediate);
}

// The second stream copies the host's byte to the device before the first stream reads it.
TEST_CASE("a graph has the work of all streams that wait for it, in every order of streams") {
  using cuda_emulator::Order;
  for (const Order order : {Order::immediate, Order::late, Order::early}) {
    CAPTURE(static_cast<int>(order));
    cuda_emulator::set_order(order);
    const Runtime on;
    const auto [first, second] = on.streams;
    const auto wait = [&](cudaStream_t earlier, cudaStream_t later) {
      CHECK(cudaEventRecord(on.event, earlier) == cudaSuccess);
      CHECK(cudaStreamWaitEvent(later, on.event, 0) == cudaSuccess);
    };
    const auto capture = [&](bool is_joined) {
      CHECK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
      wait(first, second);
      CHECK(Runtime::copy(on.device[0], on.pinned, second) == cudaSuccess);
      if (is_joined) wait(second, first);
      CHECK(Runtime::copy(on.device[1], on.device[0], first) == cudaSuccess);
      cudaGraph_t graph = nullptr;
      return std::pair(cudaStreamEndCapture(first, &graph), graph);
    };
    CHECK(capture(false).first == cudaErrorStreamCaptureUnjoined);
    const auto [status, graph] = capture(true);
    REQUIRE(status == cudaSuccess);
    cudaGraphExec_t executable = nullptr;
    CHECK(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess);
    for (int value = 3; value < 6; ++value) {
      on.set_pinned(value);
      CHECK(cudaGraphLaunch(executable, first) == cudaSuccess);
      CHECK(on.read(on.device[1], first) == value);
    }
    CHECK(cudaGraphExecDestroy(executable) == cudaSuccess);
    CHECK(cudaGraphDestroy(graph) == cudaSuccess);
    static_cast<void>(cudaGetLastError());
  }
  cuda_emulator::set_order(Order::immediate);
}

TEST_CASE("what a device forbids the host ends in the device's error") {
  cuda_emulator::set_devices({"H100", "A100"});
  cuda_emulator::set_adjacent(true);
  const Runtime on;
  cuda_emulator::set_adjacent(false);
  const cudaStream_t stream = on.streams[0];
  cudaGraph_t graph = nullptr;
  // Calls during a capture; then the end of the capture.
  const auto captured = [&](const std::function<cudaError_t()>& call) {
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    const cudaError_t status = call();
    return std::pair(status, cudaStreamEndCapture(stream, &graph));
  };
  void* memory = nullptr;
  using Pair = std::pair<cudaError_t, cudaError_t>;
  const auto is_copied = [&] {
    return cudaMemcpyAsync(on.pinned, on.device[0], 2 * Runtime::kBytes, cudaMemcpyDefault, stream);
  };
  CHECK(is_copied() == cudaErrorInvalidValue);  // over two allocations
  CHECK(captured([&] { return cudaMalloc(&memory, 1); }) ==
        Pair(cudaErrorStreamCaptureUnsupported, cudaErrorStreamCaptureInvalidated));
  CHECK(captured([&] { return cudaStreamSynchronize(stream); }) ==
        Pair(cudaErrorStreamCaptureUnsupported, cudaErrorStreamCaptureInvalidated));
  CHECK(captured([&] { return cudaStreamWaitEvent(stream, on.event, 0); }) ==
        Pair(cudaErrorStreamCaptureIsolation, cudaErrorStreamCaptureInvalidated));
  CHECK(captured([&] { return cudaFreeAsync(on.device[0], stream); }) ==
        Pair(cudaErrorInvalidValue, cudaErrorStreamCaptureInvalidated));

  // A graph with an allocation that it does not free runs once.
  CHECK(captured([&] { return cudaMallocAsync(&memory, 1, stream); }) ==
        Pair(cudaSuccess, cudaSuccess));
  cudaGraphExec_t executable = nullptr;
  CHECK(cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess);
  CHECK(cudaGraphLaunch(executable, stream) == cudaSuccess);
  CHECK(cudaGraphLaunch(executable, stream) == cudaErrorInvalidValue);
  CHECK(cudaGraphExecDestroy(executable) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  CHECK(cudaFree(memory) == cudaSuccess);

  // Kernels and events need the device of their stream.
  CHECK(cudaSetDevice(1) == cudaSuccess);
  const auto nothing = [] {};
  CHECK(cuda_emulator::launch(dim3(1), dim3(1), 0, stream, nothing) ==
        cudaErrorInvalidResourceHandle);
  cudaEvent_t of_second = nullptr;
  CHECK(cudaEventCreateWithFlags(&of_second, cudaEventDisableTiming) == cudaSuccess);
  CHECK(cudaEventRecord(of_second, stream) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventDestroy(of_second) == cudaSuccess);
  CHECK(cudaSetDevice(0) == cudaSuccess);
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  static_cast<void>(cudaGetLastError());
}
