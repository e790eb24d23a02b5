// Whether the tensors of a file are the ones somebody expects: asked when weights or an optimizer's
// state are loaded, before anything is changed.
#pragma once

#include <map>
#include <string>

#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace osteon {

// Throws Error, beginning with `what`, that lists the names that are missing from `given`, those
// that are not in `expected`, and those of another shape, if there are any.
void require_same_tensors(const std::string& what, const std::map<std::string, Shape>& expected,
                          const std::map<std::string, Tensor>& given);

}  // namespace osteon
