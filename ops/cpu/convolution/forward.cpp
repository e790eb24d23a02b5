// The forward pass: Y[pixel, K] = window(pixel) . W^T.
#include "ops/cpu/convolution/convolution.h"
#include "ops/cpu/convolution/depthwise.h"
#include "ops/cpu/convolution/gathered_product.h"
#include "ops/cpu/convolution/windows.h"
#include "tensor/autograd.h"

namespace osteon::cpu::OSTEON_CPU_SET {
namespace {

struct Forward {
  const Geometry& g;
  const Tensor &x, &weight, &bias, &residual;
  Activation activation;
  const Tensor& y;
  const Tensor outside = zeros({g.channels});

  Finish finish(std::int64_t first) const {
    return {.bias = bias.defined() ? bias.data<float>() + first : nullptr,
            .residual = residual.defined(),
            .activation = activation};
  }

  // The pointers of rows, for the filters from `filter` on.
  void find(const Windows& windows, std::int64_t first, std::int64_t count, std::int64_t filter,
            const RowTable& table) const {
    windows.for_each_tap(first, count, [&](std::int64_t row, std::int64_t tap, const float* pixel) {
      table.inputs[row * g.taps + tap] = pixel;
    });
    find_outputs(first, count, filter, table);
  }
  // The same with the windows copied to the table's scratch memory, each as one tap.
  void copy(const Windows& windows, std::int64_t first, std::int64_t count, std::int64_t filter,
            const RowTable& table) const {
    windows.copy(first, count, table.scratch, g.window);
    for (std::int64_t row = 0; row < count; ++row)
      table.inputs[row] = table.scratch + row * g.window;
    find_outputs(first, count, filter, table);
  }
  void find_outputs(std::int64_t first, std::int64_t count, std::int64_t filter,
                    const RowTable& table) const {
    for (std::int64_t row = 0; row < count; ++row) {
      const std::int64_t offset = (first + row) * g.filters + filter;
      table.outputs[row] = y.data<float>() + offset;
      if (residual.defined()) table.residuals[row] = residual.data<float>() + offset;
    }
  }

  void run_group(std::int64_t group) const {
    const bool copies = g.has_short_taps();
    std::vector<std::int64_t> taps(static_cast<std::size_t>(copies ? 1 : g.taps));
    for (std::size_t t = 0; t < taps.size(); ++t)
      taps[t] = static_cast<std::int64_t>(t) * g.group_channels;
    const std::int64_t first = group * g.group_filters;
    const PackedFilters filters(weight,
                                {.first = first * g.window,
                                 .taps = taps,
                                 .channels = copies ? g.window : g.group_channels,
                                 .channel_stride = 1,
                                 .columns = g.group_filters,
                                 .column_stride = g.window},
                                !is_grad_enabled());
    const Windows windows(g, x.data<float>(), group, outside.data<float>());
    gathered_product(g.rows, filters, finish(first), copies ? g.window : 0,
                     [&](std::int64_t row, std::int64_t count, const RowTable& table) {
                       if (copies)
                         copy(windows, row, count, first, table);
                       else
                         find(windows, row, count, first, table);
                     });
  }

  void run_depthwise() const {
    const auto& [stride, padding, dilation, groups] = g.conv;
    OSTEON_CPU_SET::run_depthwise(
        {.images = g.images,
         .channels = g.channels,
         .rows = {Axis::of_outputs(g.output_height, g.kernel_height, g.height, stride.height,
                                   padding.top, dilation.height)},
         .columns = {Axis::of_outputs(g.output_width, g.kernel_width, g.width, stride.width,
                                      padding.left, dilation.width)},
         .weight = weight.data<float>(),
         .kernel_height = g.kernel_height,
         .kernel_width = g.kernel_width,
         .finish = finish(0),
         .input = x.data<float>(),
         .residual = residual.defined() ? residual.data<float>() : nullptr,
         .output = y.data<float>()});
  }
};

}  // namespace

void direct_conv2d_forward(const Tensor& x, const Tensor& weight, const Tensor& bias,
                           const Tensor& residual, Activation activation,
                           const Conv2dOptions& options, const Tensor& y) {
  const Geometry g(x.shape(), weight.shape(), y.shape(), options);
  const Forward forward{g, x, weight, bias, residual, activation, y};
  if (is_depthwise(g)) return forward.run_depthwise();
  for (std::int64_t group = 0; group < options.groups; ++group) forward.run_group(group);
}

}  // namespace osteon::cpu::OSTEON_CPU_SET
