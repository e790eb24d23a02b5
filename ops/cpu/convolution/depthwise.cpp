// Tiles of depthwise convolution: some pixels (or taps) by kTileColumns channels.
#include "ops/cpu/convolution/depthwise.h"

#include <algorithm>

#include "base/parallel.h"
#include "ops/cpu/convolution/windows.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kBlockPixels = 64;

// outputs[row][c] = the sum over taps of inputs[row * taps + tap][c] filters[tap * channels + c],
// for `columns` channels from `column` on.
struct PixelTile {
  const float* const* inputs;
  std::int64_t taps;
  const float* filters;
  std::int64_t channels;
  float* const* outputs;
  const float* const* residuals;
  std::int64_t column, columns;
};

template <int rows>
[[gnu::noinline]] void multiply_pixels(const PixelTile& tile, const Finish& finish) {
  Sums<rows> sums;
  sums.clear();
  for (std::int64_t tap = 0; tap < tile.taps; ++tap) {
    TileLanes filter[kTileVectors];
    load_columns(tile.filters + tap * tile.channels + tile.column, tile.columns, filter);
#pragma GCC unroll 16
    for (int row = 0; row < rows; ++row) {
      TileLanes input[kTileVectors];
      load_columns(tile.inputs[row * tile.taps + tap] + tile.column, tile.columns, input);
      sums.add(row, input, filter);
    }
  }
  TileLanes bias[kTileVectors] = {};
  if (finish.bias != nullptr) load_columns(finish.bias + tile.column, tile.columns, bias);
#pragma GCC unroll 16
  for (int row = 0; row < rows; ++row) {
    TileLanes residual[kTileVectors] = {}, result[kTileVectors];
    if (finish.residual) load_columns(tile.residuals[row] + tile.column, tile.columns, residual);
    for (int v = 0; v < kTileVectors; ++v) {
      result[v] = sums.at[row][v] + bias[v] + residual[v];
      if (finish.relu) result[v] = result[v] < 0 ? TileLanes{} : result[v];
    }
    store_columns(tile.outputs[row] + tile.column, tile.columns, result);
  }
}

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

Tensor depthwise_filters(const Tensor& weight, const std::vector<std::int64_t>& taps) {
  const std::int64_t channels = weight.dim(0),
                     all = weight.numel() / std::max<std::int64_t>(channels, 1);
  const Tensor filters({static_cast<std::int64_t>(taps.size()), channels}, DType::f32);
  float* to = filters.data<float>();
  for (const std::int64_t tap : taps)
    for (std::int64_t c = 0; c < channels; ++c) *to++ = weight.data<float>()[c * all + tap];
  return filters;
}

void gathered_depthwise(std::int64_t rows, const Tensor& filters, const Finish& finish,
                        const FindRows& find) {
  const std::int64_t taps = filters.dim(0), channels = filters.dim(1);
  parallel_for(rows, kTileRows, [&](std::int64_t begin, std::int64_t end) {
    std::vector<const float*> inputs(static_cast<std::size_t>(kTileRows * taps));
    float* outputs[kTileRows];
    const float* residuals[kTileRows];
    for (std::int64_t at = begin; at < end; at += kTileRows) {
      const std::int64_t count = std::min<std::int64_t>(kTileRows, end - at);
      find(at, count, {inputs.data(), nullptr, outputs, residuals});
      for (std::int64_t column = 0; column < channels; column += kTileColumns) {
        const PixelTile tile{.inputs = inputs.data(),
                             .taps = taps,
                             .filters = filters.data<float>(),
                             .channels = channels,
                             .outputs = outputs,
                             .residuals = residuals,
                             .column = column,
                             .columns = std::min<std::int64_t>(kTileColumns, channels - column)};
        with_rows(count, [&]<int n>() { multiply_pixels<n>(tile, finish); });
      }
    }
  });
}

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
