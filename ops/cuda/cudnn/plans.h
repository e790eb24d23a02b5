// Which compiled plan of cuDNN's computes a spec, and computing it. A plan is taken, in this order,
// from memory, from those of the run that is resumed (import_tuning), from the folder of
// plan_cache.h or compiled: by heuristics, or with autotune() (backend.h) the fastest of several on
// the device.
#pragma once

#include <vector>

#include "ops/cuda/cudnn/graph.h"
#include "tensor/tensor.h"

namespace osteon::cuda {

struct Argument {
  Role role;
  Tensor tensor;  // aligned to 16 bytes (aligned.h)
};
using Arguments = std::vector<Argument>;

// Whether cuDNN can compute it on the device; compiles it to know.
bool has_plan(const CudnnSpec& spec, const Device& device);

// Computes the spec with these tensors, on the device where they are. Throws Error naming the op,
// the spec and cuDNN's version if there is no plan.
void execute(const char* op, const CudnnSpec& spec, const Arguments& arguments);

}  // namespace osteon::cuda
