// The functors of functions.h.
#include "ops/cpu/elementwise.h"

namespace osteon::cpu::OSTEON_CPU_SET {

OSTEON_FUNCTIONS(OSTEON_INSTANTIATE_FORWARD)
OSTEON_FUNCTIONS(OSTEON_INSTANTIATE_BACKWARD)

}  // namespace osteon::cpu::OSTEON_CPU_SET
