// CUDA graphs, by capturing the computation's stream.
#include "tensor/cuda/graph.h"

#include "tensor/cuda/allocator.h"
#include "tensor/cuda/context.h"

namespace osteon::cuda {
namespace {

using CapturedGraph = Handle<cudaGraph_t, cudaGraphDestroy>;
using ExecutableGraph = Handle<cudaGraphExec_t, cudaGraphExecDestroy>;

// Ends the capture even after an exception: a stream left in capture mode is unusable.
CapturedGraph capture(cudaStream_t stream, const std::function<void()>& body) {
  OSTEON_CUDA_CHECK("record", cudaStreamBeginCapture, stream, cudaStreamCaptureModeThreadLocal);
  cudaGraph_t graph = nullptr;
  try {
    body();
  } catch (...) {
    static_cast<void>(cudaStreamEndCapture(stream, &graph));
    const CapturedGraph unfinished(graph);
    static_cast<void>(cudaGetLastError());
    throw;
  }
  OSTEON_CUDA_CHECK("record", cudaStreamEndCapture, stream, &graph);
  return CapturedGraph(graph);
}

class RecordedGraph : public Graph {
 public:
  RecordedGraph(const Device& device, const std::function<void()>& body)
      : stream_(context(device).stream()) {
    keep_regions(device);
    const CapturedGraph captured = capture(stream_, body);
    cudaGraphExec_t executable = nullptr;
    OSTEON_CUDA_CHECK("record", cudaGraphInstantiate, &executable, captured.get(), 0ULL);
    executable_ = ExecutableGraph(executable);
  }
  void replay() override {
    OSTEON_CUDA_CHECK("replay", cudaGraphLaunch, executable_.get(), stream_);
  }

 private:
  const cudaStream_t stream_;
  ExecutableGraph executable_;
};

}  // namespace

std::unique_ptr<Graph> Graph::record(const Device& device, const std::function<void()>& body) {
  return std::make_unique<RecordedGraph>(device, body);
}

}  // namespace osteon::cuda
