// All images of a split in a device's memory: each step then sends indices instead of pixels.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "data/cache.h"
#include "tensor/tensor.h"

namespace osteon {

class DeviceImages {
 public:
  // Sends the samples `indices` of a store to the device if they take at most half of its free
  // memory: validation needs a part of the rest. The memory of the training steps must have been
  // allocated before (TrainingStep::prepare). Returns nullopt otherwise, and for the CPU, where the
  // store's memory serves as well.
  static std::optional<DeviceImages> send(const ImageStore& store,
                                          const std::vector<std::int64_t>& indices,
                                          const Device& device);

  // u8 [samples,S,S,1] on the device.
  const Tensor& images() const { return images_; }
  // The indices of the given samples in images(): i64 [N] on the CPU, for index_select.
  Tensor places(const std::vector<std::int64_t>& samples) const;

 private:
  DeviceImages(const ImageStore& store, const std::vector<std::int64_t>& indices,
               const Device& device);

  Tensor images_;
  std::unordered_map<std::int64_t, std::int64_t> place_of_;
};

}  // namespace osteon
