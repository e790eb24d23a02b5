// The forward pass and the data gradient by Winograd's transforms: for each block of tiles
//
//   V[point]  = transformed pixels          [tiles, channels]
//   M[point]  = V[point] . U[point]         [tiles, columns]: the tile product of tile.h
//   Y         = M transformed back, with bias, residual and ReLU
//
// U, the transformed filters, is made before. V and M of a block stay in the L2 cache if the
// channels are few; if they are many, the products outweigh the traffic.
#include "ops/cpu/convolution/winograd.h"
#include "base/parallel.h"
#include "ops/cpu/convolution/convolution.h"
#include "ops/cpu/convolution/gathered_product.h"
#include "ops/cpu/convolution/pack.h"
#include "ops/weight_copies.h"
#include "tensor/autograd.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

constexpr std::int64_t kBlockChannels = 512;       // a panel of filters, 32 or 64 KB
constexpr std::int64_t kPackedChannels = 16;       // transformed at once
constexpr std::int64_t kBlockFloats = 192 * 1024;  // of V and M together
constexpr std::int64_t kLeastRows = 4 * kTileRows, kMostRows = 16 * kTileRows;

// U[point] as panels: [panel][channel][kTileColumns].
template <int m>
class TransformedFilters {
 public:
  static constexpr int kPoints = (m + 2) * (m + 2);
  TransformedFilters(const Tensor& weight, const FilterView& view, bool keep)
      : view_(view),
        panels_((view.columns + kTileColumns - 1) / kTileColumns),
        pitch_(panels_ * view.channels * kTileColumns + kCacheLine) {
    const auto make = [&] { return Tensor({kPoints * pitch_}, DType::f32); };
    const auto fill = [&](const Tensor& memory) { transform(weight.data<float>(), memory); };
    static WeightCopies<FilterView> copies;
    memory_ = copies.find_or_make(weight, view, keep, make, fill);
  }

  std::int64_t panels() const { return panels_; }
  const float* panel(std::int64_t point, std::int64_t panel) const {
    return memory_.data<float>() + point * pitch_ + panel * view_.channels * kTileColumns;
  }

 private:
  void transform(const float* weight, const Tensor& memory) const {
    parallel_for(panels_, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t panel = begin; panel < end; ++panel) {
        const std::int64_t column = panel * kTileColumns;
        const float* const from = weight + view_.first + column * view_.column_stride;
        float* const to = memory.data<float>() + panel * view_.channels * kTileColumns;
        const std::int64_t columns = std::min<std::int64_t>(kTileColumns, view_.columns - column);
        for (std::int64_t c = 0; c < view_.channels; c += kPackedChannels)
          transform_channels(from + c * view_.channel_stride,
                             std::min(kPackedChannels, view_.channels - c), columns,
                             to + c * kTileColumns);
      }
    });
  }
  // Some channels of a panel.
  void transform_channels(const float* from, std::int64_t channels, std::int64_t columns,
                          float* to) const {
    float taps[9][kPackedChannels * kTileColumns];
    for (std::size_t tap = 0; tap < 9; ++tap)
      pack_columns(from + view_.taps[tap], view_.channel_stride, channels, view_.column_stride,
                   columns, taps[tap]);
    for (std::int64_t at = 0; at < channels * kTileColumns; at += kLanes<float>)
      transform_both_axes<WinogradAxis<m>::filter, 3, m + 2>(
          [&](int row, int column) { return load(taps[row * 3 + column] + at); },
          [&](int row, int column, TileLanes value) {
            store(to + (row * (m + 2) + column) * pitch_ + at, value);
          });
  }

  const FilterView& view_;
  std::int64_t panels_, pitch_;
  Tensor memory_;
};

// What a convolution with padding `top` and `left` computes; the other sides follow from `output`.
struct Pass {
  Images input, output;
  const float* x;
  float* y;
  const float* residual;  // as y, or null
  std::int64_t top, left;
  Finish finish;
};

template <int m>
class Worker {
 public:
  static constexpr int kSide = m + 2, kPoints = kSide * kSide;

  Worker(const Pass& pass, const TransformedFilters<m>& filters, std::int64_t rows)
      : pass_(pass),
        filters_(filters),
        high_((pass.output.height + m - 1) / m),
        wide_((pass.output.width + m - 1) / m),
        inputs_(pass.input, high_, wide_, m, -pass.top, -pass.left),
        outputs_(pass.output, high_, wide_, m, 0, 0),
        v_(kPoints, rows, pass.input.channels),
        products_(kPoints, rows, pass.output.channels),
        zeros_(zeros({pass.input.channels})),
        from_(static_cast<std::size_t>(rows)),
        to_(static_cast<std::size_t>(rows)) {}

  void run(std::int64_t first, std::int64_t rows) {
    for (std::int64_t row = 0; row < rows; ++row)
      transform_tile<WinogradAxis<m>::input, kSide, kSide>(
          inputs_, first + row, pass_.x, pass_.input.channels, zeros_.data<float>(), v_.row(0, row),
          v_.point_pitch());
    for (int point = 0; point < kPoints; ++point) multiply(point, rows);
    for (std::int64_t row = 0; row < rows; ++row) transform_back(first + row, row);
  }

 private:
  void multiply(int point, std::int64_t rows) {
    for (std::int64_t row = 0; row < rows; ++row) {
      from_[static_cast<std::size_t>(row)] = v_.row(point, row);
      to_[static_cast<std::size_t>(row)] = products_.row(point, row);
    }
    const std::int64_t channels = pass_.input.channels;
    for (std::int64_t begin = 0; begin < channels; begin += kBlockChannels) {
      const Run run{0, begin, std::min(kBlockChannels, channels - begin)};
      for (std::int64_t panel = 0; panel < filters_.panels(); ++panel)
        for (std::int64_t row = 0; row < rows; row += kTileRows) {
          const Tile tile{.inputs = &from_[static_cast<std::size_t>(row)],
                          .taps = 1,
                          .runs = &run,
                          .run_count = 1,
                          .filters = filters_.panel(point, panel) + begin * kTileColumns,
                          .outputs = &to_[static_cast<std::size_t>(row)],
                          .column = panel * kTileColumns,
                          .columns = kTileColumns,
                          .adds = begin > 0};
          with_rows(std::min<std::int64_t>(kTileRows, rows - row),
                    [&]<int n>() { multiply_tile<n>(tile); });
        }
    }
  }

  void transform_back(std::int64_t tile, std::int64_t row) const {
    std::int64_t offsets[m * m];
    int count = 0;
    outputs_.for_each_pixel(tile, m, [&](std::int64_t offset) { offsets[count++] = offset; });
    const std::int64_t columns = pass_.output.channels, pitch = products_.point_pitch();
    const float* const from = products_.row(0, row);
    for (std::int64_t column = 0; column < columns; column += kLanes<float>)
      transform_both_axes<WinogradAxis<m>::output, kSide, m>(
          [&](int r, int s) { return load(from + (r * kSide + s) * pitch + column); },
          [&](int r, int s, TileLanes value) {
            if (const std::int64_t offset = offsets[r * m + s]; offset >= 0)
              finish(value, offset, column, columns - column);
          });
  }
  // `count` columns are left from `column` on.
  void finish(TileLanes value, std::int64_t offset, std::int64_t column, std::int64_t count) const {
    if (pass_.finish.bias != nullptr) value += load(pass_.finish.bias + column, count);
    if (pass_.residual != nullptr) value += load(pass_.residual + offset + column, count);
    store(pass_.y + offset + column, activated<float>(pass_.finish.activation, value), count);
  }

  const Pass& pass_;
  const TransformedFilters<m>& filters_;
  std::int64_t high_, wide_;
  Tiles inputs_, outputs_;
  PointMatrices v_, products_;
  Tensor zeros_;
  std::vector<const float*> from_;
  std::vector<float*> to_;
};

// The number of tiles in a block: V and M stay in the L2 cache, or are a quarter of U if that is
// more, because each block reads all of U.
std::int64_t block_rows(std::int64_t tiles, std::int64_t points, std::int64_t channels,
                        std::int64_t columns) {
  const std::int64_t floats = std::max(kBlockFloats, points * channels * columns / 4);
  const std::int64_t most =
      std::clamp(floats / (points * (channels + columns)), kLeastRows, kMostRows);
  const std::int64_t blocks = (tiles + most - 1) / most;
  const std::int64_t rows = (tiles + blocks - 1) / blocks;  // nearly the same number in each
  return (rows + kTileRows - 1) / kTileRows * kTileRows;
}

template <int m>
void run_pass(const Pass& pass, const Tensor& weight, const FilterView& view, bool keep) {
  const TransformedFilters<m> filters(weight, view, keep);
  const std::int64_t tiles =
      pass.output.images * ((pass.output.height + m - 1) / m) * ((pass.output.width + m - 1) / m);
  parallel_for(tiles, kTileRows, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t rows =
        block_rows(end - begin, (m + 2) * (m + 2), pass.input.channels, pass.output.channels);
    Worker<m> worker(pass, filters, rows);
    for (std::int64_t at = begin; at < end; at += rows) worker.run(at, std::min(rows, end - at));
  });
}

void run_pass(int outputs, const Pass& pass, const Tensor& weight, const FilterView& view,
              bool keep) {
  if (outputs == 2)
    run_pass<2>(pass, weight, view, keep);
  else
    run_pass<4>(pass, weight, view, keep);
}

Images images_of(const Shape& shape) { return {shape[0], shape[1], shape[2], shape[3]}; }

}  // namespace

void winograd_conv2d_forward(int outputs, const Tensor& x, const Tensor& weight, const Tensor& bias,
                             const Tensor& residual, Activation activation,
                             const Conv2dOptions& options, const Tensor& y) {
  const std::int64_t channels = x.dim(3);
  FilterView view{.first = 0,
                  .taps = {},
                  .channels = channels,
                  .channel_stride = 1,
                  .columns = y.dim(3),
                  .column_stride = 9 * channels};
  for (std::int64_t tap = 0; tap < 9; ++tap) view.taps.push_back(tap * channels);
  const Pass pass{
      .input = images_of(x.shape()),
      .output = images_of(y.shape()),
      .x = x.data<float>(),
      .y = y.data<float>(),
      .residual = residual.defined() ? residual.data<float>() : nullptr,
      .top = options.padding.top,
      .left = options.padding.left,
      .finish = {.bias = bias.defined() ? bias.data<float>() : nullptr, .activation = activation}};
  run_pass(outputs, pass, weight, view, !is_grad_enabled());
}

// dX is the convolution of dY with the kernel turned by 180 degrees and the padding that completes
// it: 2 - padding.
void winograd_conv2d_backward_input(int outputs, const Tensor& dy, const Tensor& weight,
                                    const Conv2dOptions& options, const Tensor& addend,
                                    const Tensor& dx) {
  const std::int64_t channels = dx.dim(3);
  FilterView view{.first = 0,
                  .taps = {},
                  .channels = dy.dim(3),
                  .channel_stride = 9 * channels,
                  .columns = channels,
                  .column_stride = 1};
  for (std::int64_t tap = 8; tap >= 0; --tap) view.taps.push_back(tap * channels);
  const Pass pass{.input = images_of(dy.shape()),
                  .output = images_of(dx.shape()),
                  .x = dy.data<float>(),
                  .y = dx.data<float>(),
                  .residual = addend.defined() ? addend.data<float>() : nullptr,
                  .top = 2 - options.padding.top,
                  .left = 2 - options.padding.left,
                  .finish = {}};
  run_pass(outputs, pass, weight, view, /*keep=*/false);
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
