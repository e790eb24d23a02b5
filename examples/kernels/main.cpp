// Times the kernel ladder of docs/book/06-kernels.md on the first CUDA device. GB/s are those of
// the least traffic possible (softmax: x read once and y written once; batch norm: x read twice),
// so that a version which moves more is slower by this measure.
#include <algorithm>
#include <cstdio>

#include "examples/kernels/ladder.h"
#include "tensor/creation.h"
#include "tensor/cuda/check.h"
#include "tensor/cuda/context.h"

using namespace osteon;

namespace {

constexpr const char* kOp = "kernels";
constexpr int kRuns = 20;

cudaEvent_t make_event() {
  cudaEvent_t event = nullptr;
  OSTEON_CUDA_CHECK(kOp, cudaEventCreate, &event);
  return event;
}

// The fastest of kRuns runs, after one that is not timed, in milliseconds.
template <class Run>
float milliseconds(const Run& run) {
  const cudaStream_t stream = cuda::context(Device::cuda()).stream();
  const cuda::Handle<cudaEvent_t, cudaEventDestroy> start(make_event()), stop(make_event());
  float least = 0;
  for (int i = 0; i <= kRuns; ++i) {
    OSTEON_CUDA_CHECK(kOp, cudaEventRecord, start.get(), stream);
    run();
    OSTEON_CUDA_CHECK(kOp, cudaEventRecord, stop.get(), stream);
    OSTEON_CUDA_CHECK(kOp, cudaEventSynchronize, stop.get());
    float elapsed = 0;
    OSTEON_CUDA_CHECK(kOp, cudaEventElapsedTime, &elapsed, start.get(), stop.get());
    if (i > 0) least = i == 1 ? elapsed : std::min(least, elapsed);
  }
  return least;
}

template <class Run>
void print_time(const char* name, double bytes, const Run& run) {
  const double time = milliseconds(run);
  std::printf("%-23s %9.3f ms %9.0f GB/s\n", name, time, bytes / time / 1e6);
}

}  // namespace

int main() {
  const Device device = device_from_name("auto");
  if (!device.is_cuda()) {
    std::printf("there is no CUDA device to time the kernels on\n");
    return 0;
  }
  const auto empty = [&](const Shape& shape) { return Tensor(shape, DType::f32, device); };
  const auto filled = [&](const Shape& shape) { return rand(shape, 1, 1, DType::f32, device); };
  const Tensor rows = filled({32768, 1024}), result = empty_like(rows);
  std::printf("softmax, x 32768 x 1024\n");
  for (const ladder::SoftmaxVersion& version : ladder::kSoftmaxVersions)
    print_time(version.name, 2.0 * 4 * static_cast<double>(rows.numel()),
               [&] { version.run(rows, result); });
  const ladder::BatchNormCall call{
      filled({32 * 56 * 56, 256}), filled({256}), filled({256}), 1e-5F, empty({256}), empty({256}),
      empty({32 * 56 * 56, 256})};
  std::printf("batch norm with ReLU, x 100352 x 256\n");
  for (const ladder::BatchNormVersion& version : ladder::kBatchNormVersions)
    print_time(version.name, 3.0 * 4 * static_cast<double>(call.x.numel()),
               [&] { version.run(call); });
  return 0;
}
