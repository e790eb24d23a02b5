// The cuDNN specs executed on the emulated device.
#pragma once

#include <unordered_set>

#include "ops/cuda/cudnn/spec.h"

namespace cuda_emulator {

using CudnnSpecs = std::unordered_set<osteon::cuda::CudnnSpec, osteon::cuda::CudnnSpecHash>;

// All specs executed since the program began, or since the list was cleared.
CudnnSpecs& executed_specs();

}  // namespace cuda_emulator
