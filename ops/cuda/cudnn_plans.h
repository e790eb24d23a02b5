// Which compiled plan of cuDNN's computes a spec, and computing it. A plan is taken, in this order,
// from memory, from those of the run that is resumed (import_plans), from the folder of
// plan_cache.h or compiled: by heuristics, or with autotune() (backend.h) the fastest of several on
// the device.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "ops/cuda/cudnn_graph.h"
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

// Writes the plans that were chosen by timing on the device so far, so that a resumed run computes
// with the same (timing chooses differently from run to run).
void export_plans(const std::filesystem::path& path, const Device& device);

// From now on those of the file are used on the device, and timing chooses only for specs that are
// not in it. Returns their number, which is 0 if they are of another version of cuDNN or another
// kind of device. Throws Error if the file is damaged.
std::size_t import_plans(const std::filesystem::path& path, const Device& device);

}  // namespace osteon::cuda
