// CUDA graphs: work that is recorded once and then issued again and again with one call. A training
// step otherwise takes a thousand calls.
#pragma once

#include <functional>
#include <memory>

#include "tensor/device.h"

namespace osteon::cuda {

class Graph {
 public:
  // Records the work that `body` issues to the device; nothing is computed. All allocations must
  // come from an arena (allocator.h) that already has enough memory: a region cannot be allocated
  // while recording. No other code may allocate from this arena during a replay. Throws Error if an
  // operation cannot be recorded, such as waiting for the device.
  static std::unique_ptr<Graph> record(const Device& device, const std::function<void()>& body);

  virtual ~Graph() = default;
  // Issues the whole graph.
  virtual void replay() = 0;
};

}  // namespace osteon::cuda
