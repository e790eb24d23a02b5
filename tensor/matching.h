// Compares the tensors of a file with the expected ones, before weights or an optimizer's state are
// changed.
#pragma once

#include <map>
#include <string>

#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace osteon {

// If names are missing from `given`, are not in `expected`, or have another shape, throws one Error
// that begins with `what` and lists them.
void require_same_tensors(const std::string& what, const std::map<std::string, Shape>& expected,
                          const std::map<std::string, Tensor>& given);

}  // namespace osteon
