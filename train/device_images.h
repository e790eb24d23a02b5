// All images of a split in a device's memory: from then on a step sends the device which ones it
// wants and no pixels.
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
  // Sends the samples `indices` of a store to the device, if they take at most half of what is free
  // there: activations need the rest. Nothing otherwise, and for the CPU, where the store's own
  // memory serves as well.
  static std::optional<DeviceImages> send(const ImageStore& store,
                                          const std::vector<std::int64_t>& indices,
                                          const Device& device);

  // u8 [samples,S,S,1] on the device.
  const Tensor& images() const { return images_; }
  // Where in it the given samples are: i64 [N] on the CPU, for index_select.
  Tensor places(const std::vector<std::int64_t>& samples) const;

 private:
  DeviceImages(const ImageStore& store, const std::vector<std::int64_t>& indices,
               const Device& device);

  Tensor images_;
  std::unordered_map<std::int64_t, std::int64_t> place_of_;
};

}  // namespace osteon
