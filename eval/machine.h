// What a program computes with: --device, --backend, --precision and --threads.
#pragma once

#include <string>

#include "tensor/device.h"
#include "tensor/dtype.h"

namespace osteon {

// The dtype activations flow in: f32, or bf16 for precision bf16. Says on standard error when that
// will be slow. Throws UsageError for a precision the device does not have.
DType activation_dtype(const std::string& precision, const Device& device = Device::cpu());

// Sets the number of threads, the back end and whether tf32 may be used, for the whole process;
// returns the device. Says on standard error when `auto` means the CPU although CUDA is built in.
// Throws UsageError for options that mean nothing and Error for a device that
// cannot be used.
Device configure_process(const std::string& device, const std::string& backend,
                         const std::string& precision, int threads);

}  // namespace osteon
