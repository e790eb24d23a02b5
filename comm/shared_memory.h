// Memory that the processes of a host share, so that large data exist once per host.
#pragma once

#include "tensor/tensor.h"

namespace osteon {

// A tensor whose memory all processes of this host see; a group of one, or a host with one process,
// gets a tensor of its own. Its contents are uninitialised. All processes of the group must call it
// with the same arguments. What one of them writes the others may read after a later barrier. The
// memory is freed when the last of them has released it, also after a crash. Throws Error if it
// cannot be had.
Tensor shared_tensor(const Shape& shape, DType dtype);

}  // namespace osteon
