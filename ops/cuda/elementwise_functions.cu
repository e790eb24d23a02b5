// The functors of functions.h.
#include "ops/cuda/elementwise.cuh"

namespace osteon::cuda {

OSTEON_FUNCTIONS(OSTEON_INSTANTIATE_FORWARD)
OSTEON_FUNCTIONS(OSTEON_INSTANTIATE_BACKWARD)

}  // namespace osteon::cuda
