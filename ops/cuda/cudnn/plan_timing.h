// Choosing among what can compute a graph by trying it out.
#pragma once

#include <span>

#include "ops/cuda/cudnn/graph.h"

namespace osteon::cuda {

// Builds the fastest of the first configurations of the spec's graph (heuristics have the best
// first), by the least time of several executions with this memory. Its outputs are overwritten,
// but not the running statistics. Waits for the device; throws Error in the name of `op`.
void choose_by_timing(const char* op, const Device& device, const CudnnSpec& spec,
                      CudnnGraph& graph, std::span<const Binding> bindings);

}  // namespace osteon::cuda
