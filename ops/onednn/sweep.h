// What tests/ops/onednn_sweep_test.cpp has to know about oneDNN and to change in how we use it.
// Nobody else does.
#pragma once

#include <string>

namespace osteon::onednn {

// As it runs, for example 2 and "2.6.3".
int major_version();
std::string version();

// The best instruction set that oneDNN uses here, under its name in DNNL_MAX_CPU_ISA; "other" for
// one that the sweep has no name for.
std::string instruction_set();

// Computes as if the table of faults were empty.
void ignore_known_faults(bool ignore);

// Fills the scratchpad with NaNs before each primitive, so that one that reads what it did not
// write gives a wrong result, and throws an Error after one that wrote behind it.
void watch_scratchpad(bool watch);

}  // namespace osteon::onednn
