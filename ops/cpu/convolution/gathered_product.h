// A matrix product whose left factor is a table of pointers (tile.h): the forward pass of a
// convolution and its data gradient.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ops/cpu/convolution/tile.h"
#include "tensor/tensor.h"

namespace osteon::cpu::OSTEON_CPU_SET {

// The right factor: for each tap a matrix [channels, columns], as a view of the filters: the
// element of tap t, channel c and column j is at first + taps[t] + c * channel_stride + j *
// column_stride.
struct FilterView {
  std::int64_t first;
  std::vector<std::int64_t> taps;
  std::int64_t channels, channel_stride;
  std::int64_t columns, column_stride;
  bool operator==(const FilterView&) const = default;
};

// The filters in the order in which tiles read them: for each block of the window and each panel of
// kTileColumns columns, one row of the panel per channel. Missing columns are 0. If `keep`, the
// next call uses the same copy (ops/weight_copies.h).
class PackedFilters {
 public:
  PackedFilters(const Tensor& weight, const FilterView& view, bool keep);

  struct Block {
    std::vector<Run> runs;
    std::int64_t begin, length;  // in channels of the window
  };
  const std::vector<Block>& blocks() const { return blocks_; }
  std::int64_t taps() const { return taps_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t panels() const { return (columns_ + kTileColumns - 1) / kTileColumns; }
  const float* panel(const Block& block, std::int64_t panel) const {
    return packed_.data<float>() + (block.begin * panels() + panel * block.length) * kTileColumns;
  }

 private:
  std::int64_t offset_of(const Block& block, std::int64_t panel) const {
    return (block.begin * panels() + panel * block.length) * kTileColumns;
  }
  void pack(const float* weight, const FilterView& view, const Tensor& packed) const;

  std::int64_t taps_, columns_;
  std::vector<Block> blocks_;
  Tensor packed_;
};

// The pointers of some rows: one input per tap, the output, and the residual if there is one. An
// input may be written to `scratch` first.
struct RowTable {
  const float** inputs;  // [row][tap]
  float* scratch;        // of the first row
  float** outputs;
  const float** residuals;
};
// Writes the table of rows [first, first + count).
using FindRows = std::function<void(std::int64_t first, std::int64_t count, const RowTable& table)>;

// Rows [0, rows) of the product, each with `scratch` floats in the table.
void gathered_product(std::int64_t rows, const PackedFilters& filters, const Finish& finish,
                      std::int64_t scratch, const FindRows& find);

}  // namespace osteon::cpu::OSTEON_CPU_SET
