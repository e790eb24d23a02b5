// Copies between host and device that run in parallel with computation.
#pragma once

#include <memory>

#include "tensor/tensor.h"

namespace osteon::cuda {

// Copies batches to a device while it computes on earlier ones. Buffers are used in turn: a result
// stays valid until the second call after it.
class Upload {
 public:
  explicit Upload(const Device& device);
  // Device copies of host tensors, for work that is issued after this call. The sources may be
  // changed at once.
  Tensors operator()(const Tensors& sources);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Copies small tensors to the host without waiting for the work that computes them.
class Downloads {
 public:
  explicit Downloads(const Device& device);
  // Issues copies of the tensors' values at this point of the stream.
  void issue(const Tensors& tensors);
  // The oldest copies not taken yet; waits for them if necessary. They stay valid until the second
  // issue after this call.
  Tensors take();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osteon::cuda
