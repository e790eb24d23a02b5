// The functors of arithmetic.h and comparisons.h.
#include "ops/cuda/elementwise.cuh"

namespace osteon::cuda {

OSTEON_ARITHMETIC(OSTEON_INSTANTIATE_FORWARD)
OSTEON_ARITHMETIC(OSTEON_INSTANTIATE_BACKWARD)
OSTEON_COMPARISONS(OSTEON_INSTANTIATE_FORWARD)

}  // namespace osteon::cuda
