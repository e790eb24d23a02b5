// Strassen's algorithm in the form of Winograd, once, on pairs of tiles.
//
// With quarters A11 ... B22 of the factors (strassen_factors.h), four quarters of the result need
// seven products of quarters instead of eight:
//
//     M1 = A11 B11                        C11 = M1 + M2
//     M2 = A12 B21                        U2  = M1 + M3
//     M3 = S2 T2                          U3  = U2 + M4
//     M4 = (A11 - A21) (B22 - B12)        U4  = U2 + M5
//     M5 = S1 T1                          C22 = U3 + M5
//     M6 = A22 (B21 - T2)                 C21 = U3 + M6
//     M7 = (A12 - S2) B22                 C12 = U4 + M7
//
//     S1 = A21 + A22,  S2 = S1 - A11      T1 = B12 - B11,  T2 = B22 - T1
//
// The quarters are not those of the whole matrices, but of two tiles of rows (a unit) and two
// panels of columns (a pair). So the sums of A take one pass over A for all columns, those of B one
// pass over B for all rows, and U2, U3 and U4 stay in the L1 cache: the additions cost less than
// the eighth of the multiplications that they save.
//
// Sources: Strassen, "Gaussian elimination is not optimal", Numerische Mathematik 13, 1969; the
// form with 15 additions is in Higham (strassen.h), equation 23.6; sums of quarters while factors
// are packed: Huang, Smith, Henry, van de Geijn, "Strassen's algorithm reloaded", SC 2016.
#include "ops/strassen.h"

#include "base/parallel.h"
#include "base/round_up.h"
#include "ops/cpu/strassen_factors.h"
#include "ops/cpu/strassen_tile.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace strassen {
namespace {

// A panel of the right factor takes 12 KB of the L1 cache,
constexpr std::int64_t kMaxHalf = 3072 / kTileColumns;
// the left factors of a block of units at most 330 KB of the L2 cache,
constexpr std::int64_t kBlockUnits = 9;
// and the right factors at most 8 MB of the L3 cache; if all need more, those of one inner block.
constexpr std::int64_t kMaxRight = 2 * 1024 * 1024;

// The inner elements in blocks of nearly the same size.
class InnerBlocks {
 public:
  explicit InnerBlocks(std::int64_t inner)
      : inner_(inner),
        count_((inner + 2 * kMaxHalf - 1) / (2 * kMaxHalf)),
        half_(rounded_up((inner + 2 * count_ - 1) / (2 * count_), kStep)) {}
  std::int64_t count() const { return count_; }
  std::int64_t half() const { return half_; }
  InnerBlock at(std::int64_t i) const { return {2 * half_ * i, inner_, half_}; }

 private:
  std::int64_t inner_, count_, half_;
};

// y (+)= a b + bias
struct Problem {
  StridedMatrix a, b;
  const float* bias;
  float* y;
};

// What one thread has of a block of units: their left factors, U2 or U4, and U3.
class Workspace {
 public:
  Workspace(std::int64_t units, std::int64_t half)
      : half_(half),
        // not a multiple of 4 KB apart, which would be the same lines of the L1 cache
        left_pitch_(units * kTileRows * half + kCacheLine),
        memory_({kProducts * left_pitch_ + 2 * units * kTileSize}, DType::f32),
        left_(memory_.data<float>()),
        u2_(left_ + kProducts * left_pitch_),
        u3_(u2_ + units * kTileSize) {}

  LeftFactors left(std::int64_t unit) const {
    return {left_ + unit * kTileRows * half_, left_pitch_, half_};
  }
  float* u2(std::int64_t unit) const { return u2_ + unit * kTileSize; }
  float* u3(std::int64_t unit) const { return u3_ + unit * kTileSize; }

 private:
  std::int64_t half_, left_pitch_;
  Tensor memory_;
  float *left_, *u2_, *u3_;
};

// The units [first, end) with one pair of panels and one block of inner elements.
struct PairOfPanels {
  const Problem& problem;
  InnerBlock block;
  RightFactors right;
  std::int64_t column;
  const Workspace& workspace;
  std::int64_t first, end;

  void run() const {
    for_each_unit(0, [&](const Factors& factors, std::int64_t unit, float* u2, float*) {
      output(unit, 0, 0).fetch();  // a product early, as all outputs
      multiply(factors, [=](const Tile& m1) { store(m1, u2); });
    });
    for_each_unit(1, [&](const Factors& factors, std::int64_t unit, float* u2, float*) {
      multiply(factors, [=, c11 = output(unit, 0, 0)](Tile& m2) {
        add(m2, u2);
        write(m2, c11);
      });
    });
    for_each_unit(2, [&](const Factors& factors, std::int64_t, float* u2, float*) {
      multiply(factors, [=](const Tile& m3) { add_to(u2, m3); });
    });
    for_each_unit(3, [&](const Factors& factors, std::int64_t unit, float* u2, float* u3) {
      output(unit, 1, 1).fetch();
      multiply(factors, [=](Tile& m4) {
        add(m4, u2);
        store(m4, u3);
      });
    });
    for_each_unit(4, [&](const Factors& factors, std::int64_t unit, float* u2, float* u3) {
      output(unit, 1, 0).fetch();
      multiply(factors, [=, c22 = output(unit, 1, 1)](Tile& m5) {
        add_to(u2, m5);  // U4 from here on
        add(m5, u3);
        write(m5, c22);
      });
    });
    for_each_unit(5, [&](const Factors& factors, std::int64_t unit, float*, float* u3) {
      output(unit, 0, 1).fetch();
      multiply(factors, [=, c21 = output(unit, 1, 0)](Tile& m6) {
        add(m6, u3);
        write(m6, c21);
      });
    });
    for_each_unit(6, [&](const Factors& factors, std::int64_t unit, float* u4, float*) {
      multiply(factors, [=, c12 = output(unit, 0, 1)](Tile& m7) {
        add(m7, u4);
        write(m7, c12);
      });
    });
  }

 private:
  // Calls body(factors, unit, u2, u3).
  template <class Body>
  void for_each_unit(std::int64_t product, const Body& body) const {
    const float* const panel = right.first + product * right.factor_pitch;
    const std::int64_t part = rounded_up(right.factor_pitch / (end - first), kCacheLine);
    for (std::int64_t unit = first; unit < end; ++unit) {
      const std::int64_t at = unit - first;
      body(Factors{.left = left(product, unit),
                   .right = panel,
                   .inner = block.half,
                   .next_right = panel + right.factor_pitch + at * part},
           unit, workspace.u2(at), workspace.u3(at));
    }
  }

  // Three of the left factors are quarters of a, and may be read where they are.
  LeftRows left(std::int64_t product, std::int64_t unit) const {
    const StridedMatrix& a = problem.a;
    if (is_in_place(a, unit * kUnitRows, block) && (product <= 1 || product == 5)) {
      const std::int64_t row = unit * kUnitRows + (product == 5 ? kTileRows : 0);
      const std::int64_t inner = block.begin + (product == 0 ? 0 : block.half);
      return {.first = a.at(row, inner),
              .row_step = a.row_stride,
              .step = 1,
              .line_step = a.row_stride,
              .to_next_unit = kUnitRows * a.row_stride};
    }
    const LeftFactors own = workspace.left(unit - first);
    const float* const begin = own.first + product * own.factor_pitch;
    const std::int64_t next = kTileRows * own.half;
    if (a.row_stride == 1) return {begin, 1, kTileRows, kCacheLine, next};
    return {begin, own.half, 1, own.half, next};
  }

  Output output(std::int64_t unit, std::int64_t lower, std::int64_t right_panel) const {
    const auto& [a, b, bias, y] = problem;
    const std::int64_t row = unit * kUnitRows + lower * kTileRows;
    const std::int64_t from = column + right_panel * kTileColumns;
    return {.first = y + row * b.columns + from,
            .pitch = b.columns,
            .rows = std::clamp<std::int64_t>(a.rows - row, 0, kTileRows),
            .columns = std::clamp<std::int64_t>(b.columns - from, 0, kTileColumns),
            .adds = block.begin > 0,
            .bias = bias != nullptr && block.begin + 2 * block.half >= block.end ? bias + from
                                                                                 : nullptr};
  }
};

class Product {
 public:
  explicit Product(const Problem& problem)
      : problem_(problem),
        blocks_(problem.a.columns),
        units_((problem.a.rows + kUnitRows - 1) / kUnitRows),
        pairs_((problem.b.columns + kPairColumns - 1) / kPairColumns),
        at_once_(blocks_.count() * pairs_ * pair_size() <= kMaxRight ? blocks_.count() : 1),
        right_({at_once_ * pairs_ * pair_size() + panel_size()}, DType::f32) {}

  void run() const {
    for (std::int64_t first = 0; first < blocks_.count(); first += at_once_) {
      parallel_for(at_once_ * pairs_, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          make_right(problem_.b, i % pairs_ * kPairColumns, blocks_.at(first + i / pairs_),
                     right(i / pairs_, i % pairs_));
      });
      parallel_for(units_, 1,
                   [&](std::int64_t begin, std::int64_t end) { run_units(first, begin, end); });
    }
  }

 private:
  std::int64_t panel_size() const { return blocks_.half() * kTileColumns + kCacheLine; }
  std::int64_t pair_size() const { return kProducts * panel_size(); }
  RightFactors right(std::int64_t block, std::int64_t pair) const {
    return {right_.data<float>() + (block * pairs_ + pair) * pair_size(), panel_size()};
  }

  // The units of one thread with the blocks of inner elements from `first_block` on, of which there
  // are right factors.
  void run_units(std::int64_t first_block, std::int64_t begin, std::int64_t end) const {
    const std::int64_t parts = (end - begin + kBlockUnits - 1) / kBlockUnits;
    const Workspace workspace((end - begin + parts - 1) / parts, blocks_.half());
    for (std::int64_t part = 0; part < parts; ++part) {
      const std::int64_t from = begin + (end - begin) * part / parts;
      const std::int64_t to = begin + (end - begin) * (part + 1) / parts;
      for (std::int64_t i = 0; i < at_once_; ++i) {
        const InnerBlock block = blocks_.at(first_block + i);
        for (std::int64_t unit = from; unit < to; ++unit)
          make_left(problem_.a, unit * kUnitRows, block, workspace.left(unit - from));
        for (std::int64_t pair = 0; pair < pairs_; ++pair)
          PairOfPanels{problem_, block, right(i, pair), pair * kPairColumns, workspace, from, to}
              .run();
      }
    }
  }

  const Problem problem_;
  const InnerBlocks blocks_;
  const std::int64_t units_, pairs_;
  const std::int64_t at_once_;  // blocks of inner elements whose right factors are in memory
  const Tensor right_;
};

StridedMatrix strided(const Tensor& x, bool transposed) {
  const std::int64_t rows = x.dim(1), columns = x.dim(2);
  if (transposed) return {x.data<float>(), columns, rows, 1, columns};
  return {x.data<float>(), rows, columns, columns, 1};
}

}  // namespace
}  // namespace strassen

void strassen_matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
                     const Tensor& bias, const Tensor& y) {
  using strassen::strided;
  strassen::Product({.a = strided(a, transpose_a),
                     .b = strided(b, transpose_b),
                     .bias = bias.defined() ? bias.data<float>() : nullptr,
                     .y = y.data<float>()})
      .run();
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
