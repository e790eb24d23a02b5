// Copies between host and device that run beside computation.
#pragma once

#include <memory>

#include "tensor/tensor.h"

namespace osteon::cuda {

// Brings batches to a device while it computes on the ones before. Their memory is used in turn:
// what a call returns is good until the second call after it.
class Upload {
 public:
  explicit Upload(const Device& device);
  // Copies of tensors of the host, for work that is issued after this call. The sources may be
  // changed at once.
  Tensors operator()(const Tensors& sources);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Fetches small tensors without making the host wait for what was issued to compute them.
class Downloads {
 public:
  explicit Downloads(const Device& device);
  // Issues copies of what the tensors will hold once everything issued so far is done.
  void issue(const Tensors& tensors);
  // The oldest copies that were not taken yet, waiting for them if need be; good until the second
  // issue after this call.
  Tensors take();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace osteon::cuda
