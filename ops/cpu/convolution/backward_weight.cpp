// The filter gradient: dW[K, window] = sum over output pixels of dY[pixel, K]^T window(pixel).
//
// Here the pixels are summed over. A tile is kTileRows filters by kTileColumns elements of the
// window; for each pixel it reads kTileRows gradients and kTileVectors vectors of the window. Both
// are copied, so that they lie side by side: the gradients of a block of pixels once, and of the
// windows one panel after another, which all tiles of filters then read from the L1 cache. Windows
// of short taps are copied whole. The gradient of the filters keeps the sums between blocks.
#include <algorithm>
#include <cstring>
#include <vector>

#include "base/parallel.h"
#include "ops/cpu/convolution/convolution.h"
#include "ops/cpu/convolution/depthwise.h"
#include "ops/cpu/convolution/tile.h"
#include "ops/cpu/convolution/windows.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kBlockPixels = 256;
constexpr std::int64_t kMinPanels = 8;  // of a thread, so that all have nearly as many

struct Interval {
  std::int64_t begin, end;
};

// The gradient of some filters of one group, for some elements of their windows, in whole panels.
class GradientPart {
 public:
  GradientPart(const Geometry& g, const Windows& windows, std::int64_t group, Interval filters,
               Interval window)
      : g_(g),
        windows_(windows),
        first_(group * g.group_filters + filters.begin),
        count_(filters.end - filters.begin),
        window_(window),
        tiles_((count_ + kTileRows - 1) / kTileRows),
        gradients_({kBlockPixels * count_}, DType::f32),
        panel_pitch_(g.has_short_taps() ? g.window + kTileColumns : kTileColumns),
        panel_({kBlockPixels * panel_pitch_}, DType::f32),
        inputs_(static_cast<std::size_t>(kBlockPixels * g.taps)) {}

  void add_up(const float* dy, float* dw) {
    for (std::int64_t at = 0; at < g_.rows; at += kBlockPixels) {
      const std::int64_t pixels = std::min(kBlockPixels, g_.rows - at);
      pack_gradients(dy + at * g_.filters + first_, pixels);
      if (g_.has_short_taps())
        windows_.copy(at, pixels, panel_.data<float>(), panel_pitch_);
      else
        find_inputs(at, pixels);
      for (std::int64_t column = window_.begin; column < window_.end; column += kTileColumns) {
        const std::int64_t columns = std::min<std::int64_t>(kTileColumns, window_.end - column);
        if (!g_.has_short_taps()) pack_panel(column, columns, pixels);
        for (std::int64_t tile = 0; tile < tiles_; ++tile) {
          const OuterTile outer{.left = gradients_of(tile),
                                .left_pitch = rows_of(tile),
                                .right = panel_.data<float>() + (g_.has_short_taps() ? column : 0),
                                .right_pitch = panel_pitch_,
                                .count = pixels,
                                .sums = dw + (first_ + begin_of(tile)) * g_.window + column,
                                .pitch = g_.window,
                                .columns = columns,
                                .adds = at > 0};
          with_rows(rows_of(tile), [&]<int n>() { add_up_tile<n>(outer); });
        }
      }
    }
  }

 private:
  // Tiles have nearly the same number of filters, because one with few wastes most of its loads.
  std::int64_t begin_of(std::int64_t tile) const { return count_ * tile / tiles_; }
  std::int64_t rows_of(std::int64_t tile) const { return begin_of(tile + 1) - begin_of(tile); }
  float* gradients_of(std::int64_t tile) const {
    return gradients_.data<float>() + kBlockPixels * begin_of(tile);
  }

  void pack_gradients(const float* dy, std::int64_t pixels) const {
    for (std::int64_t tile = 0; tile < tiles_; ++tile)
      with_rows(rows_of(tile), [&]<int n>() {
        float* const to = gradients_of(tile);
        const float* const from = dy + begin_of(tile);
        for (std::int64_t p = 0; p < pixels; ++p)
          std::memcpy(to + p * n, from + p * g_.filters, n * sizeof(float));
      });
  }

  void find_inputs(std::int64_t first_row, std::int64_t pixels) {
    windows_.for_each_tap(first_row, pixels,
                          [&](std::int64_t p, std::int64_t tap, const float* pixel) {
                            inputs_[static_cast<std::size_t>(tap * kBlockPixels + p)] = pixel;
                          });
  }

  // Elements [first, first + columns) of the windows; they may belong to several taps.
  void pack_panel(std::int64_t first, std::int64_t columns, std::int64_t pixels) const {
    for (std::int64_t at = first; at < first + columns;) {
      const std::int64_t tap = at / g_.group_channels, channel = at % g_.group_channels;
      const std::int64_t count = std::min(g_.group_channels - channel, first + columns - at);
      const float* const* const inputs = inputs_.data() + tap * kBlockPixels;
      float* const to = panel_.data<float>() + (at - first);
      if (count == kTileColumns)
        for (std::int64_t p = 0; p < pixels; ++p)
          std::memcpy(to + p * kTileColumns, inputs[p] + channel, kTileColumns * sizeof(float));
      else
        for (std::int64_t p = 0; p < pixels; ++p)
          std::copy_n(inputs[p] + channel, count, to + p * kTileColumns);
      at += count;
    }
  }

  const Geometry& g_;
  const Windows& windows_;
  const std::int64_t first_, count_;
  const Interval window_;
  const std::int64_t tiles_;
  const Tensor gradients_;  // [tile][pixel][row]
  const std::int64_t panel_pitch_;
  const Tensor panel_;  // [pixel][kTileColumns], or whole windows if their taps are short; sums of
                        // columns beyond the window are not stored
  std::vector<const float*> inputs_;  // [tap][pixel]
};

// Calls body(filters, window) for the part of each thread. Each thread copies the gradients of its
// filters and its elements of the windows, so the longer of the two is divided.
template <class Body>
void for_each_part(const Geometry& g, const Body& body) {
  const std::int64_t panels = (g.window + kTileColumns - 1) / kTileColumns;
  if (g.window > g.group_filters && panels >= kMinPanels * num_threads() && !g.has_short_taps())
    parallel_for(panels, 1, [&](std::int64_t begin, std::int64_t end) {
      body(Interval{0, g.group_filters},
           Interval{begin * kTileColumns, std::min(end * kTileColumns, g.window)});
    });
  else
    parallel_for(g.group_filters, 1, [&](std::int64_t begin, std::int64_t end) {
      body(Interval{begin, end}, Interval{0, g.window});
    });
}

}  // namespace

void direct_conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Conv2dOptions& options,
                                   const Tensor& dweight) {
  const Geometry g(x.shape(), dweight.shape(), dy.shape(), options);
  if (is_depthwise(g))
    return depthwise_backward_weight(g, dy.data<float>(), x.data<float>(), dweight.data<float>());
  const Tensor outside = zeros({g.channels});
  for (std::int64_t group = 0; group < g.conv.groups; ++group) {
    const Windows windows(g, x.data<float>(), group, outside.data<float>());
    for_each_part(g, [&](Interval filters, Interval window) {
      GradientPart(g, windows, group, filters, window)
          .add_up(dy.data<float>(), dweight.data<float>());
    });
  }
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
