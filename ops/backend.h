// Which implementation of a kernel runs: on the CPU the fastest there is, or the readable reference
// that every other one is checked against; on CUDA devices, what the libraries may choose from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "tensor/tensor.h"

namespace osteon {

enum class Backend {
  automatic,  // oneDNN where it is built in and has the case, else the reference
  reference,  // the reference alone
};

// For the whole process; set it before the first op.
void set_backend(Backend backend);
Backend backend();

// Whether f32 products on a CUDA device may round their factors to tf32 (10 bits of mantissa),
// which tensor cores multiply eight times as fast; --precision tf32. Off at first. For the whole
// process.
void set_allow_tf32(bool allow);
bool allow_tf32();

// Whether convolutions on a CUDA device may be computed by what gives other bits from run to run;
// --allow-nondeterministic. Off at first. For the whole process; set it before the first op.
void set_allow_nondeterministic(bool allow);
bool allow_nondeterministic();

// Whether what computes a convolution or batch norm on a CUDA device is chosen by trying several
// when its shape is first met, not by the library's advice; --autotune. Off at first. For the whole
// process; set it before the first op.
void set_autotune(bool on);
bool autotune();

// Writes what autotune() chose on the device so far, so that a resumed run computes with the same.
// Nothing is written where there is no CUDA.
void export_tuning(const std::filesystem::path& path, const Device& device);

// From now on the choices in the file are used on the device, and timing is for what is not in it.
// Returns their number, which is 0 if they are of another version of cuDNN or another kind of
// device. Throws Error if the file is damaged.
std::size_t import_tuning(const std::filesystem::path& path, const Device& device);

// Whether oneDNN is built in.
bool has_fast_path();

// Whether bf16 has a fast path here: oneDNN is built in, the processor multiplies bf16
// (avx512_bf16, which every processor with AMX has too), and DNNL_MAX_CPU_ISA lets oneDNN use it.
// Elsewhere it is computed by the reference or in f32, slower than fp32.
bool has_fast_bf16();

// How often each kernel that has a fast path was computed by the reference although the back end
// was automatic, since the program began; f32 and bf16 only, which the fast paths are for. On CUDA
// devices: by our own kernels where cuDNN should have had a plan. Empty when all went as it should.
std::map<std::string, std::int64_t> reference_fallbacks();
// The same in one line, as `conv2d_forward bf16 x 53, ...`; empty if there were none.
std::string describe_reference_fallbacks();

// To be called by such a kernel when the reference takes over the work on `x`.
void note_reference(const char* kernel, const Tensor& x);

}  // namespace osteon
