// An empty kernel, used to check whether this build has code for a device.
#include "tensor/cuda/context.h"

namespace osteon::cuda {
namespace {

__global__ void nothing() {}

}  // namespace

cudaError_t find_code() {
  cudaFuncAttributes attributes{};
  return cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(&nothing));
}

}  // namespace osteon::cuda
