// The data gradient: each input pixel gathers from the output pixels whose windows contain it.
//
//   dX[h, w, c] = sum over r, s, k of dY[p, q, k] W[k, r, s, c],
//   where  p stride + r dilation - padding.top = h,  and the same for q, s, padding.left and w
//
// With a stride only some taps have such a p and q, the same ones for all pixels with the same
// remainder of h and w by the stride. So the pixels of each remainder are one matrix product.
#include <utility>

#include "ops/cpu/convolution/axis.h"
#include "ops/cpu/convolution/convolution.h"
#include "ops/cpu/convolution/depthwise.h"
#include "ops/cpu/convolution/gathered_product.h"
#include "ops/cpu/convolution/geometry.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

class Remainder {
 public:
  Remainder(const Geometry& g, const Axis& rows, const Axis& columns)
      : g_(g), rows_(rows), columns_(columns) {}

  std::vector<std::int64_t> taps() const {
    std::vector<std::int64_t> offsets;
    for (const AxisTap& r : rows_.taps)
      for (const AxisTap& s : columns_.taps)
        offsets.push_back((r.tap * g_.kernel_width + s.tap) * g_.group_channels);
    return offsets;
  }
  std::int64_t pixels() const { return g_.images * rows_.count * columns_.count; }

  // Calls visit(pixel - first, tap, output pixel or -1) for each tap of pixels [first, first +
  // count), and visit_pixel(pixel - first, input pixel).
  template <class Visit, class VisitPixel>
  void for_each(std::int64_t first, std::int64_t count, const Visit& visit,
                const VisitPixel& visit_pixel) const {
    std::int64_t column = first % columns_.count, row = first / columns_.count % rows_.count;
    std::int64_t image = first / columns_.count / rows_.count;
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t tap = 0;
      for (const AxisTap& r : rows_.taps) {
        const std::int64_t p = r.input + row;
        const bool is_line = p >= 0 && p < rows_.extent;
        const std::int64_t line = (image * g_.output_height + p) * g_.output_width;
        for (const AxisTap& s : columns_.taps) {
          const std::int64_t q = s.input + column;
          visit(i, tap++, is_line && q >= 0 && q < columns_.extent ? line + q : -1);
        }
      }
      visit_pixel(i, (image * g_.height + rows_.first + row * rows_.stride) * g_.width +
                         columns_.first + column * columns_.stride);
      if (++column < columns_.count) continue;
      column = 0;
      if (++row < rows_.count) continue;
      row = 0;
      ++image;
    }
  }

 private:
  const Geometry& g_;
  const Axis &rows_, &columns_;
};

struct Backward {
  const Geometry& g;
  const Tensor &dy, &weight, &addend, &dx;
  const Tensor outside = zeros({g.filters});

  // The pointers of pixels, for the filters and channels of a group.
  void find(const Remainder& remainder, std::int64_t taps, std::int64_t first, std::int64_t count,
            std::int64_t group, const RowTable& table) const {
    const float* const gradient = dy.data<float>() + group * g.group_filters;
    remainder.for_each(
        first, count,
        [&](std::int64_t i, std::int64_t tap, std::int64_t row) {
          table.inputs[i * taps + tap] =
              row < 0 ? outside.data<float>() : gradient + row * g.filters;
        },
        [&](std::int64_t i, std::int64_t pixel) {
          const std::int64_t offset = pixel * g.channels + group * g.group_channels;
          table.outputs[i] = dx.data<float>() + offset;
          if (addend.defined()) table.residuals[i] = addend.data<float>() + offset;
        });
  }

  void run(const Remainder& remainder) const {
    const Finish finish{.residual = addend.defined()};
    const std::vector<std::int64_t> offsets = remainder.taps();
    const auto taps = static_cast<std::int64_t>(offsets.size());
    for (std::int64_t group = 0; group < g.conv.groups; ++group) {
      const PackedFilters filters(weight,
                                  {.first = group * g.group_filters * g.window,
                                   .taps = offsets,
                                   .channels = g.group_filters,
                                   .channel_stride = g.window,
                                   .columns = g.group_channels,
                                   .column_stride = 1},
                                  /*keep=*/false);
      gathered_product(remainder.pixels(), filters, finish, 0,
                       [&](std::int64_t first, std::int64_t count, const RowTable& table) {
                         find(remainder, taps, first, count, group, table);
                       });
    }
  }

  void run_depthwise(std::vector<Axis> rows, std::vector<Axis> columns) const {
    OSTEON_CPU_SET::run_depthwise({.images = g.images,
                                   .channels = g.channels,
                                   .rows = std::move(rows),
                                   .columns = std::move(columns),
                                   .weight = weight.data<float>(),
                                   .kernel_height = g.kernel_height,
                                   .kernel_width = g.kernel_width,
                                   .finish = {.residual = addend.defined()},
                                   .input = dy.data<float>(),
                                   .residual = addend.defined() ? addend.data<float>() : nullptr,
                                   .output = dx.data<float>()});
  }
};

}  // namespace

void direct_conv2d_backward_input(const Tensor& dy, const Tensor& weight,
                                  const Conv2dOptions& options, const Tensor& addend,
                                  const Tensor& dx) {
  const Geometry g(dx.shape(), weight.shape(), dy.shape(), options);
  const auto& [stride, padding, dilation, groups] = options;
  const Backward backward{g, dy, weight, addend, dx};
  const std::vector<Axis> rows = Axis::of_inputs(g.height, g.kernel_height, g.output_height,
                                                 stride.height, padding.top, dilation.height);
  const std::vector<Axis> columns = Axis::of_inputs(g.width, g.kernel_width, g.output_width,
                                                    stride.width, padding.left, dilation.width);
  if (is_depthwise(g)) return backward.run_depthwise(rows, columns);
  for (const Axis& row : rows)
    for (const Axis& column : columns) backward.run(Remainder(g, row, column));
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
