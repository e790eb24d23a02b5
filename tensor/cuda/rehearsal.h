// A rehearsal of work for a CUDA device: the host runs it, and memory is allocated, but no kernel
// is issued. Copies between host and device are made.
#pragma once

namespace osteon::cuda {

// During its lifetime this thread issues no kernels.
class Rehearsal {
 public:
  Rehearsal();
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;
};

bool is_rehearsing();

}  // namespace osteon::cuda
