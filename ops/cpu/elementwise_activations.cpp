// The functors of activations.h.
#include "ops/cpu/elementwise.h"

namespace osteon::cpu::OSTEON_CPU_SET {

OSTEON_ACTIVATIONS(OSTEON_INSTANTIATE_FORWARD)
OSTEON_ACTIVATIONS(OSTEON_INSTANTIATE_BACKWARD)

}  // namespace osteon::cpu::OSTEON_CPU_SET
