// The choice of a kernel by timing (--autotune on the CPU), and the file in which a run keeps its
// choices: JSON with the processor, the instruction set, oneDNN's version, and the kernel of each
// convolution.
#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "ops/convolution/candidates.h"

namespace osteon::convolution {

// The fastest of these kernels for this convolution with this number of threads, with or without
// gradients (without, kernels keep their copies of filters). The first time each kernel runs once,
// then all in turn three times; the result is then that of any of them. None if no kernel can
// compute it.
std::optional<Kernel> chosen_by_timing(const Call& call, std::span<const Kernel> kernels);

// export_tuning and import_tuning of backend.h, on the CPU.
void export_choices(const std::filesystem::path& path);
std::size_t import_choices(const std::filesystem::path& path);

}  // namespace osteon::convolution
