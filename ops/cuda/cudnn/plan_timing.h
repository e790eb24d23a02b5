// Chooses a configuration of a graph by timing.
#pragma once

#include <span>

#include "ops/cuda/cudnn/graph.h"

namespace osteon::cuda {

// Builds the fastest of the first configurations of the spec's graph (heuristics list the best
// first), by the shortest of several executions with this memory. Overwrites the outputs, but not
// the running statistics. Waits for the device; Errors name `op`.
void choose_by_timing(const char* op, const Device& device, const CudnnSpec& spec,
                      CudnnGraph& graph, std::span<const Binding> bindings);

}  // namespace osteon::cuda
