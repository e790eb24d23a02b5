// Finds the compiled cuDNN plan of a spec, and executes it. Sources, in this order: memory, the
// plans of the resumed run (import_tuning), the folder of plan_cache.h, and compilation.
// Compilation uses heuristics or, with autotune() (backend.h), the fastest of several plans on the
// device.
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

// Whether cuDNN can compute the spec on the device. Compiles the plan to find out.
bool has_plan(const CudnnSpec& spec, const Device& device);

// Computes the spec with these tensors, on their device. Throws Error naming the op, the spec and
// cuDNN's version if there is no plan.
void execute(const char* op, const CudnnSpec& spec, const Arguments& arguments);

}  // namespace osteon::cuda
