// Queries of oneDNN, and test hooks that change our use of it. The hooks are used only by
// tests/ops/onednn_sweep_test.cpp.
#pragma once

#include <string>

namespace osteon::onednn {

// The version of the loaded library, for example 2 and "2.6.3".
int major_version();
std::string version();

// The best instruction set that oneDNN uses here, by its name in DNNL_MAX_CPU_ISA; "other" if the
// sweep does not know it.
std::string instruction_set();

// If true, the table of faults is ignored.
void ignore_known_faults(bool ignore);

// If true, fills the scratchpad with NaNs before each primitive, so that a read of uninitialised
// scratch memory gives a wrong result, and throws Error after a write past its end.
void watch_scratchpad(bool watch);

}  // namespace osteon::onednn
