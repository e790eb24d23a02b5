// What the emulated device was asked of cuDNN.
#pragma once

#include <unordered_set>

#include "ops/cuda/cudnn/spec.h"

namespace cuda_emulator {

using CudnnSpecs = std::unordered_set<osteon::cuda::CudnnSpec, osteon::cuda::CudnnSpecHash>;

// All that were executed since the program began, or since somebody cleared them.
CudnnSpecs& executed_specs();

}  // namespace cuda_emulator
