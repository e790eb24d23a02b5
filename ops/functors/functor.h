// What every functor has: the tensors that it saves, and the type of its gradients.
#pragma once

#include <cstddef>

#include "base/host_device.h"

namespace osteon::functors {

// The tensors that backward() needs and that are therefore saved. For operands that are not saved,
// backward() gets arbitrary numbers.
enum class Saves {
  nothing,
  condition,  // the first operand is a u8 tensor, passed as bool, without gradient
  others,     // the gradient of an operand depends only on the other operands
  inputs,     // all operands
  output,     // the result; backward() gets it in place of the operands
};

// The gradients of the operands, in order.
template <class A, std::size_t count>
struct Gradients {
  A at[count];
};

}  // namespace osteon::functors
