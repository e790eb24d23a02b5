// The functors of activations.h.
#include "ops/cuda/elementwise.cuh"

namespace osteon::cuda {

OSTEON_ACTIVATIONS(OSTEON_INSTANTIATE_FORWARD)
OSTEON_ACTIVATIONS(OSTEON_INSTANTIATE_BACKWARD)

}  // namespace osteon::cuda
