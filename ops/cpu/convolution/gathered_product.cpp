// The loops around the register tile: blocks of rows, blocks of the window, panels of filters.
#include "ops/cpu/convolution/gathered_product.h"

#include <algorithm>

#include "base/parallel.h"
#include "ops/cpu/convolution/pack.h"
#include "ops/weight_copies.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

// A block of a panel of filters (36 or 72 KB) and a block of rows; chosen by measurement.
constexpr std::int64_t kBlockChannels = 576;
constexpr std::int64_t kBlockRows = kTileRows * 16;

std::vector<PackedFilters::Block> blocks_of(std::int64_t taps, std::int64_t channels) {
  std::vector<PackedFilters::Block> blocks;
  const std::int64_t window = taps * channels;
  // Blocks of nearly the same length: a short one would load and store its sums for little work.
  const std::int64_t count =
      std::max<std::int64_t>((window + kBlockChannels - 1) / kBlockChannels, 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t begin = window * i / count, end = window * (i + 1) / count;
    PackedFilters::Block block{{}, begin, end - begin};
    for (std::int64_t at = begin; at < end;) {
      const std::int64_t tap = at / channels, first = at % channels;
      const std::int64_t run = std::min(channels - first, end - at);
      block.runs.push_back({tap, first, run});
      at += run;
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

// The first `columns` columns from `first` on, for all channels of the runs.
void pack_panel(const float* first, const FilterView& view, const std::vector<Run>& runs,
                std::int64_t columns, float* to) {
  for (const Run& run : runs) {
    const float* from =
        first + view.taps[static_cast<std::size_t>(run.tap)] + run.first * view.channel_stride;
    pack_columns(from, view.channel_stride, run.count, view.column_stride, columns, to);
    to += run.count * kTileColumns;
  }
}

// The memory of a table for a block of rows.
struct Table {
  Table(std::int64_t taps_, std::int64_t scratch_per_row)
      : taps(taps_),
        inputs(static_cast<std::size_t>(kBlockRows * taps_)),
        outputs(kBlockRows),
        residuals(kBlockRows),
        scratch({kBlockRows * scratch_per_row}, DType::f32) {}

  RowTable pointers() {
    return {inputs.data(), scratch.data<float>(), outputs.data(), residuals.data()};
  }
  const float* input(std::int64_t row, std::int64_t tap) const {
    return inputs[static_cast<std::size_t>(row * taps + tap)];
  }

  std::int64_t taps;
  std::vector<const float*> inputs;
  std::vector<float*> outputs;
  std::vector<const float*> residuals;
  Tensor scratch;
};

// Copies of the inputs of a block of rows and a block of the window, side by side. They are needed
// where the pixels of neighbouring rows are a multiple of 4096 bytes apart: then the lines of all
// rows of a tile belong to the same 8 or 12 lines of the L1 cache, and displace each other if the
// tile has more rows.
class CopiedRows {
 public:
  static bool are_needed(const Table& table, std::int64_t rows) {
    if (kTileRows <= 8 || table.taps == 0 || rows < 2) return false;
    const std::int64_t tap = table.taps / 2;  // rarely outside the image
    const std::int64_t distance = table.input(1, tap) - table.input(0, tap);
    return distance * static_cast<std::int64_t>(sizeof(float)) % 4096 == 0;
  }

  void copy(const Table& table, const std::vector<Run>& runs, std::int64_t rows) {
    if (!memory_.defined()) memory_ = Tensor({kBlockRows * kPitch}, DType::f32);
    for (std::int64_t row = 0; row < rows; ++row) {
      float* to = memory_.data<float>() + row * kPitch;
      rows_[row] = to;
      for (const Run& run : runs)
        to = std::copy_n(table.input(row, run.tap) + run.first, run.count, to);
    }
  }
  const float* const* at(std::int64_t row) const { return rows_ + row; }

 private:
  static constexpr std::int64_t kPitch = kBlockChannels + kCacheLine;  // no power of two
  Tensor memory_;
  const float* rows_[kBlockRows];
};

// silu of a tile of `rows` that was stored.
void apply_silu(const Tile& tile, std::int64_t rows) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* const values = tile.outputs[row] + tile.column;
    for (std::int64_t j = 0; j < tile.columns; ++j) values[j] = functors::Silu()(values[j]);
  }
}

void multiply_rows(const PackedFilters& filters, const Finish& finish, const Table& table,
                   CopiedRows& copies, std::int64_t rows) {
  const bool is_copied = CopiedRows::are_needed(table, rows);
  const auto& last = filters.blocks().back();
  for (const PackedFilters::Block& block : filters.blocks()) {
    const std::vector<Run> whole = {{0, 0, block.length}};
    const std::vector<Run>& runs = is_copied ? whole : block.runs;
    if (is_copied) copies.copy(table, block.runs, rows);
    for (std::int64_t panel = 0; panel < filters.panels(); ++panel) {
      const std::int64_t column = panel * kTileColumns;
      for (std::int64_t row = 0; row < rows; row += kTileRows) {
        const auto first = static_cast<std::size_t>(row);
        const Tile tile{
            .inputs = is_copied ? copies.at(row) : table.inputs.data() + row * table.taps,
            .taps = is_copied ? 1 : table.taps,
            .runs = runs.data(),
            .run_count = static_cast<std::int64_t>(runs.size()),
            .filters = filters.panel(block, panel),
            .outputs = &table.outputs[first],
            .column = column,
            .columns = std::min<std::int64_t>(kTileColumns, filters.columns() - column),
            .adds = block.begin > 0,
            .finish = &block == &last ? &finish : nullptr,
            .residuals = &table.residuals[first]};
        const std::int64_t count = std::min<std::int64_t>(kTileRows, rows - row);
        with_rows(count, [&]<int n>() { multiply_tile<n>(tile); });
        if (tile.finish != nullptr && finish.activation == Activation::silu)
          apply_silu(tile, count);
      }
    }
  }
}

}  // namespace

PackedFilters::PackedFilters(const Tensor& weight, const FilterView& view, bool keep)
    : taps_(static_cast<std::int64_t>(view.taps.size())),
      columns_(view.columns),
      blocks_(blocks_of(taps_, view.channels)) {
  const auto make = [&] {
    return Tensor({panels() * kTileColumns * taps_ * view.channels}, DType::f32);
  };
  const auto fill = [&](const Tensor& packed) { pack(weight.data<float>(), view, packed); };
  static WeightCopies<FilterView> copies;
  packed_ = copies.find_or_make(weight, view, keep, make, fill);
}

void PackedFilters::pack(const float* weight, const FilterView& view, const Tensor& packed) const {
  parallel_for(panels(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel)
      for (const Block& block : blocks_)
        pack_panel(weight + view.first + panel * kTileColumns * view.column_stride, view,
                   block.runs,
                   std::min<std::int64_t>(kTileColumns, columns_ - panel * kTileColumns),
                   packed.data<float>() + offset_of(block, panel));
  });
}

void gathered_product(std::int64_t rows, const PackedFilters& filters, const Finish& finish,
                      std::int64_t scratch, const FindRows& find) {
  parallel_for(rows, kTileRows, [&](std::int64_t begin, std::int64_t end) {
    Table table(filters.taps(), scratch);
    CopiedRows copies;
    for (std::int64_t at = begin; at < end; at += kBlockRows) {
      const std::int64_t count = std::min(kBlockRows, end - at);
      find(at, count, table.pointers());
      multiply_rows(filters, finish, table, copies, count);
    }
  });
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
