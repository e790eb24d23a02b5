// The shapes inside a dense block, for programs that observe it as one op.
#pragma once

#include <vector>

#include "tensor/shape.h"

namespace osteon {

struct DenseBlockLayer {
  Shape in, inner,
      added;           // images: of all channels before it, between its convolutions, of its own
  Shape conv1, conv2;  // filters
};

// The layers of a dense block (ops/dense_block.cpp), from the shapes of its inputs: x, then six
// parameters of each layer, of which the third and the last are filters.
inline std::vector<DenseBlockLayer> layers_of(const std::vector<Shape>& inputs) {
  const auto with_channels = [&](std::int64_t channels) {
    return Shape{inputs[0][0], inputs[0][1], inputs[0][2], channels};
  };
  std::vector<DenseBlockLayer> layers;
  std::int64_t channels = inputs[0][3];
  for (std::size_t i = 1; i + 6 <= inputs.size(); i += 6) {
    const Shape &conv1 = inputs[i + 2], &conv2 = inputs[i + 5];
    layers.push_back(
        {with_channels(channels), with_channels(conv1[0]), with_channels(conv2[0]), conv1, conv2});
    channels += conv2[0];
  }
  return layers;
}

}  // namespace osteon
