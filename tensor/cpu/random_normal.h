// The loop of fill_normal in tensor/random.h.
#pragma once

#include <cstdint>

#include "tensor/instruction_set.h"

namespace osteon {

// `key` is RandomStream::key().
OSTEON_CPU_KERNEL(fill_normal, std::uint64_t key, std::uint64_t substream, double* draws,
                  std::int64_t count)

}  // namespace osteon
