// The loop of fill_normal in base/random.h.
#pragma once

#include <cstdint>

#include "base/instruction_set.h"

namespace osteon {

// `key` is RandomStream::key().
OSTEON_CPU_KERNEL(fill_normal, std::uint64_t key, std::uint64_t substream, double* draws,
                  std::int64_t count)

}  // namespace osteon
