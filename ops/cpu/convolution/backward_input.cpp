// The data gradient: each input pixel gathers from the output pixels whose windows contain it.
//
//   dX[h, w, c] = sum over r, s, k of dY[p, q, k] W[k, r, s, c],
//   where  p stride + r dilation - padding.top = h,  and the same for q, s, padding.left and w
//
// With a stride only some taps have such a p and q, the same ones for all pixels with the same
// remainder of h and w by the stride. So the pixels of each remainder are one matrix product.
#include <utility>

#include "ops/cpu/convolution/convolution.h"
#include "ops/cpu/convolution/depthwise.h"
#include "ops/cpu/convolution/gathered_product.h"
#include "ops/cpu/convolution/geometry.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

// A tap of one axis, and the output coordinate of its first input coordinate; both grow together.
struct AxisTap {
  std::int64_t tap, output;
};

// Input coordinates remainder, remainder + stride, ... on one axis.
struct Axis {
  Axis(std::int64_t extent, std::int64_t taps, std::int64_t outputs, std::int64_t stride_,
       std::int64_t padding, std::int64_t dilation, std::int64_t remainder_)
      : stride(stride_),
        remainder(remainder_),
        count((extent - remainder_ + stride_ - 1) / stride_),
        output_extent(outputs) {
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::int64_t scaled = remainder + padding - t * dilation;
      if (scaled % stride == 0) found.push_back({t, scaled / stride});
    }
  }
  std::int64_t stride, remainder, count, output_extent;
  std::vector<AxisTap> found;
};

class Remainder {
 public:
  Remainder(const Geometry& g, const Axis& rows, const Axis& columns)
      : g_(g), rows_(rows), columns_(columns) {}

  std::vector<std::int64_t> taps() const {
    std::vector<std::int64_t> offsets;
    for (const AxisTap& r : rows_.found)
      for (const AxisTap& s : columns_.found)
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
      for (const AxisTap& r : rows_.found) {
        const std::int64_t p = r.output + row;
        const bool is_line = p >= 0 && p < rows_.output_extent;
        const std::int64_t line = (image * g_.output_height + p) * g_.output_width;
        for (const AxisTap& s : columns_.found) {
          const std::int64_t q = s.output + column;
          visit(i, tap++, is_line && q >= 0 && q < columns_.output_extent ? line + q : -1);
        }
      }
      visit_pixel(i, (image * g_.height + rows_.remainder + row * rows_.stride) * g_.width +
                         columns_.remainder + column * columns_.stride);
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
    if (is_depthwise(g))
      return gathered_depthwise(remainder.pixels(), depthwise_filters(weight, offsets), finish,
                                [&](std::int64_t first, std::int64_t count, const RowTable& table) {
                                  find(remainder, taps, first, count, 0, table);
                                });
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
};

}  // namespace

void direct_conv2d_backward_input(const Tensor& dy, const Tensor& weight,
                                  const Conv2dOptions& options, const Tensor& addend,
                                  const Tensor& dx) {
  const Geometry g(dx.shape(), weight.shape(), dy.shape(), options);
  const auto& [stride, padding, dilation, groups] = options;
  const Backward backward{g, dy, weight, addend, dx};
  for (std::int64_t top = 0; top < std::min(stride.height, g.height); ++top) {
    const Axis rows(g.height, g.kernel_height, g.output_height, stride.height, padding.top,
                    dilation.height, top);
    for (std::int64_t left = 0; left < std::min(stride.width, g.width); ++left) {
      const Axis columns(g.width, g.kernel_width, g.output_width, stride.width, padding.left,
                         dilation.width, left);
      backward.run(Remainder(g, rows, columns));
    }
  }
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
