// The filter gradient by Winograd's transforms. For each block of tiles
//
//   V[point]   = transformed pixels                 [tiles, C]
//   D[point]   = transformed gradients of outputs   [tiles, K]
//   dU[point] += D[point]^T . V[point]              [K, C]
//
// and in the end dW is dU transformed back. The threads divide the tiles for the transforms and the
// points and filters for the products, so the order of the sums does not depend on their number.
#include "base/parallel.h"
#include "ops/cpu/convolution/convolution.h"
#include "ops/cpu/convolution/winograd.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kBlockFloats = 1024 * 1024;  // of V and D together
constexpr std::int64_t kLeastTiles = 128, kMostTiles = 512;

template <int m>
class FilterGradient {
 public:
  static constexpr int kSide = m + 2, kPoints = kSide * kSide;

  FilterGradient(const Geometry& g, const float* x, const float* dy)
      : g_(g),
        x_(x),
        dy_(dy),
        inputs_({g.images, g.height, g.width, g.channels}, high(), wide(), m, -g.conv.padding.top,
                -g.conv.padding.left),
        outputs_({g.images, g.output_height, g.output_width, g.filters}, high(), wide(), m, 0, 0),
        block_(std::min(inputs_.count(),
                        std::clamp(kBlockFloats / (kPoints * (g.channels + g.filters)), kLeastTiles,
                                   kMostTiles))),
        v_(kPoints, block_, g.channels),
        d_(kPoints, block_, g.filters),
        du_(kPoints, g.filters, g.channels),
        zeros_(zeros({std::max(g.channels, g.filters)})) {}

  void add_up() {
    for (std::int64_t at = 0; at < inputs_.count(); at += block_) {
      const std::int64_t tiles = std::min(block_, inputs_.count() - at);
      parallel_for(tiles, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t tile = begin; tile < end; ++tile) transform(at + tile, tile);
      });
      // Units are the tiles of filters of each point.
      parallel_for(kPoints * filter_tiles(), 1, [&](std::int64_t begin, std::int64_t end) {
        while (begin < end) {
          const std::int64_t point = begin / filter_tiles();
          const std::int64_t last = std::min(end, (point + 1) * filter_tiles());
          multiply(point, begin - point * filter_tiles(), last - point * filter_tiles(), tiles,
                   at > 0);
          begin = last;
        }
      });
    }
  }

  void transform_back(float* dw) const {
    parallel_for(g_.filters, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t filter = begin; filter < end; ++filter)
        for (std::int64_t c = 0; c < g_.channels; c += kLanes<float>)
          transform_both_axes<WinogradAxis<m>::filter_gradient, kSide, 3>(
              [&](int r, int s) { return load(du_.row(r * kSide + s, filter) + c); },
              [&](int r, int s, TileLanes value) {
                store(dw + (filter * 9 + r * 3 + s) * g_.channels + c, value, g_.channels - c);
              });
    });
  }

 private:
  std::int64_t high() const { return (g_.output_height + m - 1) / m; }
  std::int64_t wide() const { return (g_.output_width + m - 1) / m; }
  // Tiles have nearly the same number of filters, because one with few wastes most of its loads.
  std::int64_t filter_tiles() const { return (g_.filters + kTileRows - 1) / kTileRows; }
  std::int64_t begin_of(std::int64_t tile) const { return g_.filters * tile / filter_tiles(); }

  void transform(std::int64_t tile, std::int64_t row) const {
    transform_tile<WinogradAxis<m>::input, kSide, kSide>(
        inputs_, tile, x_, g_.channels, zeros_.data<float>(), v_.row(0, row), v_.point_pitch());
    transform_tile<WinogradAxis<m>::output_gradient, m, kSide>(
        outputs_, tile, dy_, g_.filters, zeros_.data<float>(), d_.row(0, row), d_.point_pitch());
  }

  // Tiles [begin, end) of filters; a panel of channels is read by all of them in turn.
  void multiply(std::int64_t point, std::int64_t begin, std::int64_t end, std::int64_t count,
                bool adds) const {
    for (std::int64_t column = 0; column < g_.channels; column += kTileColumns)
      for (std::int64_t tile = begin; tile < end; ++tile) {
        const std::int64_t filter = begin_of(tile);
        const OuterTile outer{.left = d_.row(point, 0) + filter,
                              .left_pitch = d_.pitch(),
                              .right = v_.row(point, 0) + column,
                              .right_pitch = v_.pitch(),
                              .count = count,
                              .sums = du_.row(point, filter) + column,
                              .pitch = du_.pitch(),
                              .columns = kTileColumns,
                              .adds = adds};
        with_rows(begin_of(tile + 1) - filter, [&]<int n>() { add_up_tile<n>(outer); });
      }
  }

  const Geometry& g_;
  const float *x_, *dy_;
  Tiles inputs_, outputs_;
  std::int64_t block_;
  PointMatrices v_, d_, du_;
  Tensor zeros_;
};

template <int m>
void run(const Geometry& g, const Tensor& dy, const Tensor& x, const Tensor& dweight) {
  FilterGradient<m> gradient(g, x.data<float>(), dy.data<float>());
  gradient.add_up();
  gradient.transform_back(dweight.data<float>());
}

}  // namespace

void winograd_conv2d_backward_weight(int outputs, const Tensor& dy, const Tensor& x,
                                     const Conv2dOptions& options, const Tensor& dweight) {
  const Geometry g(x.shape(), dweight.shape(), dy.shape(), options);
  if (outputs == 2)
    run<2>(g, dy, x, dweight);
  else
    run<4>(g, dy, x, dweight);
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
