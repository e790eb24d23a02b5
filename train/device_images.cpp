// Sends images in portions.
#include "train/device_images.h"

#include <algorithm>

#include "tensor/cuda/transfer.h"

namespace osteon {
namespace {

constexpr std::int64_t kPortion = 256;  // images sent at once

}  // namespace

std::optional<DeviceImages> DeviceImages::send(const ImageStore& store,
                                               const std::vector<std::int64_t>& indices,
                                               const Device& device) {
  if (!device.is_cuda()) return std::nullopt;
  const auto pixels = static_cast<std::size_t>(store.image_size() * store.image_size());
  if (indices.size() * pixels > cuda::free_bytes(device) / 2) return std::nullopt;
  return DeviceImages(store, indices, device);
}

DeviceImages::DeviceImages(const ImageStore& store, const std::vector<std::int64_t>& indices,
                           const Device& device) {
  const auto count = static_cast<std::int64_t>(indices.size());
  const std::int64_t size = store.image_size();
  images_ = Tensor({count, size, size, 1}, DType::u8, device);
  const Tensor portion({std::min(kPortion, count), size, size, 1}, DType::u8);
  for (std::int64_t begin = 0; begin < count; begin += kPortion) {
    const std::int64_t end = std::min(begin + kPortion, count);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t sample = indices[static_cast<std::size_t>(i)];
      store.read(sample, portion.data<std::uint8_t>() + (i - begin) * size * size);
      place_of_[sample] = i;
    }
    copy_(images_.rows(begin, end), portion.rows(0, end - begin));
  }
}

Tensor DeviceImages::places(const std::vector<std::int64_t>& samples) const {
  const Tensor places({static_cast<std::int64_t>(samples.size())}, DType::i64);
  std::ranges::transform(samples, places.data<std::int64_t>(),
                         [this](std::int64_t sample) { return place_of_.at(sample); });
  return places;
}

}  // namespace osteon
