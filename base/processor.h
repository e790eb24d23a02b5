// The kind of processor, for results of timing that hold on one kind only.
#pragma once

#include <string>

namespace osteon {

// Its name with family, model and stepping, because processors of several generations can have one
// name: "AMD EPYC, family 25, model 17, stepping 1". "unknown" on processors other than x86-64.
std::string processor_name();

}  // namespace osteon
