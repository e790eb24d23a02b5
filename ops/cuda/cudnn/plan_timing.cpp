// Timing with events on the device's stream.
#include "ops/cuda/cudnn/plan_timing.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/error.h"
#include "tensor/cuda/context.h"
#include "tensor/tensor.h"

namespace osteon::cuda {
namespace {

constexpr int kMaxTimed = 8;  // compiling a batch norm takes half a second
constexpr int kWarmUps = 2;
constexpr int kRepetitions = 5;

class Stopwatch {
 public:
  Stopwatch(const char* op, const Device& device)
      : op_(op),
        stream_(context(device).stream()),
        start_(make_event(op, cudaEventDefault)),
        stop_(make_event(op, cudaEventDefault)) {}

  template <class Work>
  float milliseconds(const Work& work) {
    OSTEON_CUDA_CHECK(op_, cudaEventRecord, start_.get(), stream_);
    work();
    OSTEON_CUDA_CHECK(op_, cudaEventRecord, stop_.get(), stream_);
    OSTEON_CUDA_CHECK(op_, cudaEventSynchronize, stop_.get());
    float elapsed = 0;
    OSTEON_CUDA_CHECK(op_, cudaEventElapsedTime, &elapsed, start_.get(), stop_.get());
    return elapsed;
  }

 private:
  const char* op_;
  cudaStream_t stream_;
  Event start_, stop_;
};

float least_milliseconds(Stopwatch& watch, const Device& device, const CudnnGraph& graph,
                         std::span<const Binding> bindings) {
  const Tensor workspace({graph.workspace_bytes()}, DType::u8, device);
  const auto run = [&] { graph.execute(bindings, workspace.raw()); };
  for (int i = 0; i < kWarmUps; ++i) run();
  float least = std::numeric_limits<float>::infinity();
  for (int i = 0; i < kRepetitions; ++i) least = std::min(least, watch.milliseconds(run));
  return least;
}

// Redirects the running statistics to scratch memory, so that timing does not update them.
Tensor scratch_statistics(const CudnnSpec& spec, const Device& device,
                          std::vector<Binding>& bindings) {
  const auto* batch_norm = std::get_if<BatchNormSpec>(&spec);
  if (batch_norm == nullptr) return {};
  constexpr std::int64_t kUnit = 64;  // aligns the second row
  const Tensor scratch({2, (batch_norm->x[3] + kUnit - 1) / kUnit * kUnit}, DType::f32, device);
  for (auto& [role, memory] : bindings) {
    if (role == Role::next_running_mean) memory = scratch.rows(0, 1).raw();
    if (role == Role::next_running_var) memory = scratch.rows(1, 2).raw();
  }
  return scratch;
}

}  // namespace

void choose_by_timing(const char* op, const Device& device, const CudnnSpec& spec,
                      CudnnGraph& graph, std::span<const Binding> bindings) {
  std::vector<Binding> tried(bindings.begin(), bindings.end());
  const Tensor scratch = scratch_statistics(spec, device, tried);
  Stopwatch watch(op, device);
  std::int64_t best = -1;
  float least = std::numeric_limits<float>::infinity();
  int timed = 0;
  for (std::int64_t i = 0; i < graph.configurations() && timed < kMaxTimed; ++i) {
    if (!graph.build(i)) continue;
    ++timed;
    try {
      const float milliseconds = least_milliseconds(watch, device, graph, tried);
      if (milliseconds < least) least = milliseconds, best = i;
    } catch (const Error&) {  // it cannot run, or its workspace does not fit: not a candidate
      static_cast<void>(cudaGetLastError());
      context(device).synchronize(op);  // throws if the device itself has failed
    }
  }
  OSTEON_CHECK(best >= 0 && graph.build(best), op, ": none of cuDNN's configurations can be timed");
}

}  // namespace osteon::cuda
