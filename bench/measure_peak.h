// The limits of this processor, measured: its multiply-add units and its memory.
#pragma once

namespace osteon {

// GFLOP/s of all threads on registers alone (peak.h), the best of 200 measurements. No matrix
// product can be faster.
double peak_f32_gflops();
double peak_bf16_gflops();  // 0 if the instruction set in use multiplies no bf16

// Bytes per second of all threads that copy arrays which are larger than the caches: bytes read
// plus bytes written, the best of five copies.
double copy_bandwidth();

}  // namespace osteon
