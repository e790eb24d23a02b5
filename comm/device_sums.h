// Sums over processes of tensors on CUDA devices, each process with a device of its own.
#pragma once

#include <future>
#include <memory>

#include "comm/process_group.h"

namespace osteon {

class DeviceSums {
 public:
  // All processes of the group call it, and wait for each other. Throws Error with the way out if
  // NCCL is missing, or if two processes have the same GPU.
  static std::unique_ptr<DeviceSums> open(const Device& device, ProcessGroup& group);

  virtual ~DeviceSums() = default;
  // As ProcessGroup::start_all_reduce.
  virtual std::shared_future<void> start(const Tensor& x, SumOrder order) = 0;
  // As ProcessGroup::check_device.
  virtual void check() = 0;
};

}  // namespace osteon
