// What the passes of Winograd's convolution share: the tiles of an image batch, and the transforms
// of a block of them (winograd_transform.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "ops/cpu/convolution/geometry.h"
#include "ops/cpu/convolution/winograd_transform.h"
#include "tensor/tensor.h"

namespace osteon::cpu::OSTEON_CPU_SET {

// An image batch [images, height, width, channels].
struct Images {
  std::int64_t images, height, width, channels;
};

// Divides the pixels of a batch into tiles of size x size; tile after tile, the first pixel of each
// is size (row, column) + first. Pixels outside of the batch have no address.
class Tiles {
 public:
  Tiles(const Images& images, std::int64_t high, std::int64_t wide, std::int64_t step,
        std::int64_t top, std::int64_t left)
      : images_(images), high_(high), wide_(wide), step_(step), top_(top), left_(left) {}

  std::int64_t count() const { return images_.images * high_ * wide_; }

  // Calls visit(offset of the pixel's channels) or visit(-1) for size x size pixels of a tile.
  template <class Visit>
  void for_each_pixel(std::int64_t tile, int size, const Visit& visit) const {
    const std::int64_t image = tile / (high_ * wide_), place = tile % (high_ * wide_);
    const std::int64_t top = place / wide_ * step_ + top_, left = place % wide_ * step_ + left_;
    for (std::int64_t h = top; h < top + size; ++h)
      for (std::int64_t w = left; w < left + size; ++w) {
        const bool inside = h >= 0 && h < images_.height && w >= 0 && w < images_.width;
        visit(inside ? ((image * images_.height + h) * images_.width + w) * images_.channels : -1);
      }
  }

 private:
  Images images_;
  std::int64_t high_, wide_, step_, top_, left_;
};

// A matrix per point of the transform, [points][rows][pitch]. The rows begin at different places of
// the cache: pitches that are powers of two would map them to the same few lines.
class PointMatrices {
 public:
  PointMatrices(std::int64_t points, std::int64_t rows, std::int64_t columns)
      : pitch_((columns + kTileColumns - 1) / kTileColumns * kTileColumns + kCacheLine),
        point_pitch_(rows * pitch_ + kCacheLine),
        memory_({points * point_pitch_}, DType::f32) {}

  std::int64_t pitch() const { return pitch_; }
  std::int64_t point_pitch() const { return point_pitch_; }
  float* row(std::int64_t point, std::int64_t row) const {
    return memory_.data<float>() + point * point_pitch_ + row * pitch_;
  }

 private:
  std::int64_t pitch_, point_pitch_;
  Tensor memory_;
};

// Transforms one tile of n x n pixels with `channels` channels into k x k points: `to` is the row
// of the first point. Channels up to the next multiple of a vector become 0.
template <auto axis, int n, int k>
[[gnu::noinline]] void transform_tile(const Tiles& tiles, std::int64_t tile, const float* images,
                                      std::int64_t channels, const float* zeros, float* to,
                                      std::int64_t point_pitch) {
  const float* pixels[n * n];
  int count = 0;
  tiles.for_each_pixel(tile, n, [&](std::int64_t offset) {
    pixels[count++] = offset < 0 ? zeros : images + offset;
  });
  const auto transform = [&](std::int64_t channel, const auto& load_pixel) {
    transform_both_axes<axis, n, k>(
        [&](int row, int column) { return load_pixel(pixels[row * n + column] + channel); },
        [&](int row, int column, TileLanes value) {
          store(to + (row * k + column) * point_pitch + channel, value);
        });
  };
  std::int64_t channel = 0;
  for (; channel + kLanes<float> <= channels; channel += kLanes<float>)
    transform(channel, [](const float* from) { return load(from); });
  if (channel < channels)
    transform(channel, [&](const float* from) { return load(from, channels - channel); });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
