// The filter gradient of depthwise convolution. Tiles of some taps by kTileColumns channels are
// summed over the pixels.
#include <algorithm>

#include "base/parallel.h"
#include "ops/cpu/convolution/depthwise.h"
#include "ops/cpu/convolution/windows.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kBlockPixels = 64;

// sums[tap][c] += the sum over pixels of dy[pixel * pitch + c] inputs[tap * kBlockPixels +
// pixel][c].
struct TapTile {
  const float* dy;
  std::int64_t pitch, pixels;
  const float* const* inputs;
  std::int64_t column, columns;
  float* sums;  // kTileColumns per tap
};

template <int taps>
[[gnu::noinline]] void add_up_taps(const TapTile& tile) {
  const auto sums_of = [&](int tap) { return tile.sums + tap * kTileColumns; };
  Sums<taps> sums;
  sums.load_from(sums_of);
  for (std::int64_t p = 0; p < tile.pixels; ++p) {
    TileLanes gradient[kTileVectors];
    load_columns(tile.dy + p * tile.pitch + tile.column, tile.columns, gradient);
#pragma GCC unroll 16
    for (int tap = 0; tap < taps; ++tap) {
      TileLanes input[kTileVectors];
      load_columns(tile.inputs[tap * kBlockPixels + p] + tile.column, tile.columns, input);
      sums.add(tap, input, gradient);
    }
  }
  sums.store_to(sums_of);
}

}  // namespace

void depthwise_backward_weight(const Geometry& g, const float* dy, const float* x,
                               const float* outside, float* dweight) {
  const Windows windows(g, x, 0, outside);
  const std::int64_t panels = (g.channels + kTileColumns - 1) / kTileColumns;
  parallel_for(panels, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<const float*> inputs(static_cast<std::size_t>(kBlockPixels * g.taps));
    const Tensor sums = zeros({end - begin, g.taps, kTileColumns});
    float* const first_sum = sums.data<float>();
    for (std::int64_t at = 0; at < g.rows; at += kBlockPixels) {
      const std::int64_t pixels = std::min(kBlockPixels, g.rows - at);
      windows.for_each_tap(at, pixels, [&](std::int64_t p, std::int64_t tap, const float* pixel) {
        inputs[static_cast<std::size_t>(tap * kBlockPixels + p)] = pixel;
      });
      for (std::int64_t panel = begin; panel < end; ++panel)
        for (std::int64_t tap = 0; tap < g.taps; tap += kTileRows) {
          const std::int64_t column = panel * kTileColumns;
          const TapTile tile{.dy = dy + at * g.channels,
                             .pitch = g.channels,
                             .pixels = pixels,
                             .inputs = inputs.data() + tap * kBlockPixels,
                             .column = column,
                             .columns = std::min<std::int64_t>(kTileColumns, g.channels - column),
                             .sums = first_sum + ((panel - begin) * g.taps + tap) * kTileColumns};
          with_rows(std::min<std::int64_t>(kTileRows, g.taps - tap),
                    [&]<int n>() { add_up_taps<n>(tile); });
        }
    }
    for (std::int64_t c = begin * kTileColumns; c < std::min(end * kTileColumns, g.channels); ++c) {
      const std::int64_t panel = c / kTileColumns - begin, lane = c % kTileColumns;
      for (std::int64_t tap = 0; tap < g.taps; ++tap)
        dweight[c * g.taps + tap] = first_sum[(panel * g.taps + tap) * kTileColumns + lane];
    }
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
