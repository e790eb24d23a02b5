// Choice of the implementation of a kernel. On the CPU: the fastest one, or the readable reference
// that all others are checked against. On CUDA devices: which algorithms the libraries may use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "tensor/tensor.h"

namespace osteon {

enum class Backend {
  // Convolutions in f32: the kernel that was the fastest for the most similar shape that was
  // measured (ops/convolution/measured.h), or with autotune() the fastest here. In bf16: oneDNN.
  // The reference where neither can compute it.
  automatic,
  direct,     // the same, but convolutions in f32 only by ops/cpu/convolution/
  reference,  // only the reference
};

// Process-wide; set it before the first op.
void set_backend(Backend backend);
Backend backend();

// Whether f32 products on a CUDA device may round their factors to tf32 (10 bits of mantissa),
// which tensor cores multiply eight times as fast; --precision tf32. Off by default. Process-wide.
void set_allow_tf32(bool allow);
bool allow_tf32();

// Whether convolutions on a CUDA device may use algorithms whose results differ from run to run;
// --allow-nondeterministic. Off by default. Process-wide; set it before the first op.
void set_allow_nondeterministic(bool allow);
bool allow_nondeterministic();

// Whether kernels are chosen by timing at the first use of a shape; --autotune. On a CUDA device:
// the plan of a convolution or batch norm, instead of by the library's heuristics. On the CPU: the
// kernel of a convolution in f32, instead of by measurements of similar shapes. Off by default.
// Process-wide; set it before the first op.
void set_autotune(bool on);
bool autotune();

// Writes the choices of autotune() on the device, so that a resumed run makes the same ones.
void export_tuning(const std::filesystem::path& path, const Device& device);

// Uses the choices in the file from now on; only shapes that are not in it are timed. Returns their
// number, which is 0 if they belong to another version of cuDNN or oneDNN, another kind of device
// or processor, or another instruction set. Throws Error if the file is damaged.
std::size_t import_tuning(const std::filesystem::path& path, const Device& device);

// Prepares a CUDA device for `work`, which calls ops on it: runs it without computing anything
// (copies between host and device are made), compiles the plans that it needs in several threads,
// and allocates its memory. With autotune() plans are chosen later, at their first use. Does
// nothing for the CPU.
void rehearse(const Device& device, const std::function<void()>& work);

// Whether oneDNN is built in.
bool has_fast_path();

// Whether bf16 is fast on this CPU: oneDNN is built in, the processor multiplies bf16 (avx512_bf16,
// which every processor with AMX also has), and DNNL_MAX_CPU_ISA allows it. Otherwise bf16 is
// computed by the reference or in f32, slower than fp32.
bool has_fast_bf16();

// Fallbacks since the start of the program: for each kernel with a fast path, how often the
// reference computed it although the back end was automatic. Counts only f32 and bf16, the dtypes
// of the fast paths. On a CUDA device: how often our own kernels computed it because cuDNN had no
// plan. Empty if there was no fallback.
std::map<std::string, std::int64_t> reference_fallbacks();
// The same on one line, as `conv2d_forward bf16 x 53, ...`; empty if there were none.
std::string describe_reference_fallbacks();

// Faults of cuDNN's plans on CUDA devices since the start of the program: for each kind of fault,
// how often. The results are right, but slower to get: a stored plan that cuDNN refuses is compiled
// again; if an engine cannot be compiled, another one is used; if none of a graph can be, our own
// kernels or separate operations are. The first fault of each kind is also a warning on standard
// error. Empty if there was no fault.
std::map<std::string, std::int64_t> plan_faults();
// The same on one line, as `graphs that cannot be compiled x 20, ...`; empty if there were none.
std::string describe_plan_faults();

// Counts a fault of a plan. `reason` is for the warning.
void count_plan_fault(const std::string& kind, const std::string& reason);

// A kernel with a fast path calls this when the reference computes the result for `x` instead.
void count_fallback(const char* kernel, const Tensor& x);

}  // namespace osteon
