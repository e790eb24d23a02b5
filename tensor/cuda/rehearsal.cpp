// The state of a rehearsal.
#include "tensor/cuda/rehearsal.h"

namespace osteon::cuda {
namespace {

thread_local int rehearsals = 0;

}  // namespace

Rehearsal::Rehearsal() { ++rehearsals; }
Rehearsal::~Rehearsal() { --rehearsals; }
bool is_rehearsing() { return rehearsals > 0; }

}  // namespace osteon::cuda
