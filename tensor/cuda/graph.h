// Work that was recorded once and is issued as a whole again and again: what takes the host a call
// each, a thousand in a training step, is then one.
#pragma once

#include <functional>
#include <memory>

#include "tensor/device.h"

namespace osteon::cuda {

class Graph {
 public:
  // Records what `body` issues to the device; none of it is computed. Allocations must come from an
  // arena (allocator.h) that nobody else allocates from during a replay, and be found there: a
  // region cannot be asked for while recording. Throws Error when something in it cannot be
  // recorded, such as waiting for the device.
  static std::unique_ptr<Graph> record(const Device& device, const std::function<void()>& body);

  virtual ~Graph() = default;
  // Issues it all.
  virtual void replay() = 0;
};

}  // namespace osteon::cuda
