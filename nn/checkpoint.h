// Activation checkpointing: less memory for more computation.
#pragma once

#include "nn/module.h"

namespace osteon {

// module(x), without keeping what the pass computed. Backward computes it again from x, with the
// same bits, dropout included: a layer draws by its key, which stays until the next set_randomness.
// The second pass changes no running statistics and counts no batch. The module and its parameters
// must exist and stay unchanged until backward. An observer of gradients (tensor/autograd.h) sees
// those of the module's parameters within the op, even if other ops add to them later. Source:
// Chen, Xu, Zhang, Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
Tensor checkpoint(Module& module, const Tensor& x);

// Whether this thread is in a second pass. A module whose forward changes its state leaves it as it
// is then.
bool is_recomputing();

}  // namespace osteon
