// The emulated cuDNN: the specs that it executed, and what it cannot compile.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "ops/cuda/cudnn/spec.h"

namespace cuda_emulator {

using CudnnSpecs = std::unordered_set<osteon::cuda::CudnnSpec, osteon::cuda::CudnnSpecHash>;

// All specs executed since the program began, or since the list was cleared.
CudnnSpecs& executed_specs();

// Graphs that were compiled, not loaded, since the program began.
std::int64_t compiled_graphs();

// From now on the first `count` of the two configurations of every graph cannot be compiled.
void set_failing_configurations(std::int64_t count);
// Whether fused graphs (batch norms and attention, here) lack the library that compiles them.
void set_missing_library(bool missing);

}  // namespace cuda_emulator
