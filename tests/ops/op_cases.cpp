// The rows. A name is unique and describes the special property of the case; the inputs are drawn
// from the name.
#include <limits>

#include "tests/ops/op_cases.h"

namespace osteon {
namespace {

using nlohmann::json;
using Rows = std::vector<OpCase>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void append(Rows& rows, const Rows& more) { rows.insert(rows.end(), more.begin(), more.end()); }

// Rows named "large" have enough work for several threads and tiles; their golden entries are
// samples and weighted sums.
Rows conv2d_rows() {
  return {
      {"conv2d", "conv2d", {uniform({2, 5, 4, 3}), uniform({4, 3, 3, 3}), uniform({4})}},
      {"conv2d_no_bias", "conv2d", {uniform({2, 5, 4, 3}), uniform({4, 3, 3, 3})}},
      {"conv2d_padding",
       "conv2d",
       {uniform({2, 4, 5, 2}), uniform({3, 3, 3, 2}), uniform({3})},
       {{"padding", 1}}},
      {"conv2d_one_image",
       "conv2d",
       {uniform({1, 6, 6, 2}), uniform({2, 3, 3, 2})},
       {{"padding", 1}}},
      {"conv2d_one_channel",
       "conv2d",
       {uniform({2, 5, 5, 1}), uniform({1, 3, 3, 1})},
       {{"padding", 1}}},
      {"conv2d_odd_channels",
       "conv2d",
       {uniform({1, 4, 4, 17}), uniform({19, 3, 3, 17})},
       {{"padding", 1}}},
      {"conv2d_1x1", "conv2d", {uniform({2, 4, 3, 5}), uniform({7, 1, 1, 5})}},
      {"conv2d_1x1_bias", "conv2d", {uniform({2, 4, 3, 5}), uniform({7, 1, 1, 5}), uniform({7})}},
      {"conv2d_1x1_stride_2",
       "conv2d",
       {uniform({2, 4, 6, 3}), uniform({4, 1, 1, 3})},
       {{"stride", 2}}},
      {"conv2d_1x1_stride_2_odd",
       "conv2d",
       {uniform({2, 5, 7, 3}), uniform({4, 1, 1, 3})},
       {{"stride", 2}}},
      {"conv2d_1x1_stride_3",
       "conv2d",
       {uniform({1, 8, 8, 2}), uniform({2, 1, 1, 2})},
       {{"stride", 3}}},
      // An output of 30 pixels and an odd number of filters.
      {"conv2d_1x1_odd_filters", "conv2d", {uniform({2, 6, 5, 6}), uniform({9, 1, 1, 6})}},
      {"conv2d_1x1_padding",
       "conv2d",
       {uniform({1, 3, 3, 2}), uniform({2, 1, 1, 2})},
       {{"padding", 1}}},
      {"conv2d_stride_2",
       "conv2d",
       {uniform({2, 6, 8, 3}), uniform({4, 3, 3, 3})},
       {{"stride", 2}, {"padding", 1}}},
      {"conv2d_stride_2_odd",
       "conv2d",
       {uniform({2, 7, 5, 3}), uniform({4, 3, 3, 3}), uniform({4})},
       {{"stride", 2}, {"padding", 1}}},
      {"conv2d_stride_leaves_columns_unused",
       "conv2d",
       {uniform({1, 6, 8, 2}), uniform({3, 3, 3, 2})},
       {{"stride", {2, 3}}}},
      {"conv2d_stride_beyond_kernel",
       "conv2d",
       {uniform({1, 8, 8, 2}), uniform({3, 2, 2, 2})},
       {{"stride", 3}}},
      {"conv2d_stride_beyond_image",
       "conv2d",
       {uniform({2, 7, 2, 5}), uniform({8, 3, 3, 5})},
       {{"stride", 3}, {"padding", 2}}},
      {"conv2d_stem",
       "conv2d",
       {uniform({1, 14, 13, 3}), uniform({4, 7, 7, 3})},
       {{"stride", 2}, {"padding", 3}}},
      {"conv2d_5x5", "conv2d", {uniform({1, 6, 6, 2}), uniform({3, 5, 5, 2})}, {{"padding", 2}}},
      {"conv2d_2x2", "conv2d", {uniform({2, 5, 4, 2}), uniform({3, 2, 2, 2})}, {{"stride", 2}}},
      {"conv2d_1x3",
       "conv2d",
       {uniform({2, 4, 5, 2}), uniform({3, 1, 3, 2})},
       {{"padding", {0, 1}}}},
      {"conv2d_3x1",
       "conv2d",
       {uniform({2, 4, 5, 2}), uniform({3, 3, 1, 2})},
       {{"padding", {1, 0}}}},
      {"conv2d_asymmetric",
       "conv2d",
       {uniform({2, 9, 8, 2}), uniform({3, 3, 2, 2}), uniform({3})},
       {{"stride", {2, 1}}, {"padding", {0, 2}}, {"dilation", {1, 3}}}},
      {"conv2d_dilation",
       "conv2d",
       {uniform({2, 6, 6, 2}), uniform({3, 3, 3, 2})},
       {{"padding", 2}, {"dilation", 2}}},
      {"conv2d_dilation_stride",
       "conv2d",
       {uniform({1, 9, 8, 2}), uniform({3, 3, 3, 2})},
       {{"stride", 2}, {"padding", 1}, {"dilation", 2}}},
      {"conv2d_groups",
       "conv2d",
       {uniform({2, 4, 4, 4}), uniform({6, 3, 3, 2}), uniform({6})},
       {{"padding", 1}, {"groups", 2}}},
      {"conv2d_groups_1x1",
       "conv2d",
       {uniform({2, 3, 4, 6}), uniform({9, 1, 1, 2})},
       {{"groups", 3}}},
      {"conv2d_groups_stride_dilation",
       "conv2d",
       {uniform({1, 9, 9, 4}), uniform({4, 3, 3, 2})},
       {{"stride", 2}, {"padding", 2}, {"dilation", 2}, {"groups", 2}}},
      {"conv2d_depthwise",
       "conv2d",
       {uniform({2, 5, 5, 4}), uniform({4, 3, 3, 1}), uniform({4})},
       {{"padding", 1}, {"groups", 4}}},
      {"conv2d_depthwise_stride_2",
       "conv2d",
       {uniform({1, 6, 7, 3}), uniform({3, 3, 3, 1})},
       {{"stride", 2}, {"padding", 1}, {"groups", 3}}},
      {"conv2d_depthwise_multiplier",
       "conv2d",
       {uniform({1, 5, 5, 3}), uniform({6, 3, 3, 1})},
       {{"padding", 1}, {"groups", 3}}},
      {"conv2d_one_place_out",
       "conv2d",
       {uniform({2, 4, 3, 3}), uniform({5, 4, 3, 3}), uniform({5})}},
      {"conv2d_one_pixel_in",
       "conv2d",
       {uniform({2, 1, 1, 3}), uniform({4, 3, 3, 3})},
       {{"padding", 1}}},
      {"conv2d_one_pixel_all",
       "conv2d",
       {uniform({1, 1, 1, 1}), uniform({1, 1, 1, 1}), uniform({1})}},
      {"conv2d_windows_in_padding_only",
       "conv2d",
       {uniform({1, 3, 2, 2}), uniform({2, 2, 2, 2}), uniform({2})},
       {{"padding", 3}}},
      // Padding of the top, bottom, left and right.
      {"conv2d_padding_per_side",
       "conv2d",
       {uniform({2, 5, 6, 2}), uniform({3, 3, 3, 2}), uniform({3})},
       {{"padding", {0, 1, 2, 3}}}},
      {"conv2d_padding_at_the_end",
       "conv2d",
       {uniform({2, 6, 8, 3}), uniform({4, 3, 3, 3})},
       {{"stride", 2}, {"padding", {0, 1, 0, 1}}}},
      {"conv2d_padding_at_the_beginning",
       "conv2d",
       {uniform({2, 6, 7, 3}), uniform({4, 4, 2, 3})},
       {{"stride", 2}, {"padding", {3, 0, 1, 0}}}},
      {"conv2d_padding_per_side_stride_dilation",
       "conv2d",
       {uniform({1, 9, 8, 2}), uniform({3, 3, 2, 2})},
       {{"stride", {2, 3}}, {"padding", {3, 1, 0, 2}}, {"dilation", {2, 3}}}},
      {"conv2d_padding_per_side_1x1",
       "conv2d",
       {uniform({2, 3, 4, 3}), uniform({4, 1, 1, 3})},
       {{"padding", {0, 2, 0, 1}}}},
      {"conv2d_padding_per_side_beyond_kernel",
       "conv2d",
       {uniform({1, 3, 2, 2}), uniform({2, 2, 2, 2}), uniform({2})},
       {{"padding", {0, 4, 3, 0}}}},
      {"conv2d_padding_per_side_groups",
       "conv2d",
       {uniform({2, 4, 5, 4}), uniform({6, 3, 3, 2}), uniform({6})},
       {{"padding", {2, 0, 1, 3}}, {"groups", 2}}},
      {"conv2d_padding_per_side_depthwise",
       "conv2d",
       {uniform({2, 6, 5, 4}), uniform({4, 3, 3, 1})},
       {{"stride", 2}, {"padding", {0, 2, 3, 1}}, {"groups", 4}}},
      {"conv2d_padding_per_side_large",
       "conv2d",
       {uniform({3, 30, 29, 16}), uniform({40, 3, 3, 16}), uniform({40})},
       {{"padding", {0, 1, 3, 2}}}},
      {"conv2d_large",
       "conv2d",
       {uniform({3, 30, 29, 16}), uniform({40, 3, 3, 16}), uniform({40})},
       {{"padding", 1}}},
      {"conv2d_large_1x1", "conv2d", {uniform({3, 28, 28, 32}), uniform({48, 1, 1, 32})}},
      {"conv2d_large_1x1_stride_2",
       "conv2d",
       {uniform({4, 27, 28, 32}), uniform({48, 1, 1, 32})},
       {{"stride", 2}}},
      {"conv2d_large_stride_2",
       "conv2d",
       {uniform({3, 32, 31, 16}), uniform({24, 3, 3, 16})},
       {{"stride", 2}, {"padding", 1}}},
      {"conv2d_large_stem",
       "conv2d",
       {uniform({2, 63, 64, 3}), uniform({16, 7, 7, 3})},
       {{"stride", 2}, {"padding", 3}}},
      {"conv2d_large_groups",
       "conv2d",
       {uniform({3, 24, 24, 16}), uniform({32, 3, 3, 4}), uniform({32})},
       {{"padding", 1}, {"groups", 4}}},
      {"conv2d_large_depthwise",
       "conv2d",
       {uniform({3, 32, 32, 24}), uniform({24, 3, 3, 1})},
       {{"padding", 1}, {"groups", 24}}},
      {"conv2d_large_images_few_places",
       "conv2d",
       {uniform({64, 3, 3, 32}), uniform({32, 3, 3, 32})},
       {{"padding", 1}}},
      // f32 filters with bf16 images.
      {"conv2d_f32_filters",
       "conv2d",
       {uniform({2, 5, 6, 3}), uniform({4, 3, 3, 3}).parameter(), uniform({4}).parameter()},
       {{"padding", 1}}},
      {"conv2d_f32_filters_groups",
       "conv2d",
       {uniform({2, 4, 4, 4}), uniform({6, 3, 3, 2}).parameter(), uniform({6}).parameter()},
       {{"padding", 1}, {"groups", 2}}},
      {"conv2d_f32_filters_large",
       "conv2d",
       {uniform({3, 14, 13, 32}), uniform({48, 3, 3, 32}).parameter()},
       {{"padding", 1}, {"stride", 2}}},
      {"conv2d_f32_filters_large_1x1",
       "conv2d",
       {uniform({3, 14, 14, 64}), uniform({32, 1, 1, 64}).parameter()}},
  };
}

// x, weight, bias and an optional residual, without gradients.
std::vector<Input> folded(Input x, Input weight, Input residual = absent()) {
  Input bias = uniform({weight.shape[0]}).constant().parameter();
  return {x.constant(), weight.constant().parameter(), std::move(bias), residual.constant()};
}

Rows conv2d_add_relu_rows() {
  const auto row = [](const char* name, std::vector<Input> inputs, json attrs) {
    return OpCase{name, "conv2d_add_relu", std::move(inputs), std::move(attrs), {}, 0};
  };
  return {
      row("conv2d_add_relu",
          folded(uniform({2, 5, 4, 3}), uniform({4, 3, 3, 3}), uniform({2, 5, 4, 4})),
          {{"padding", 1}}),
      row("conv2d_add_relu_padding_per_side",
          folded(uniform({2, 5, 4, 3}), uniform({4, 3, 3, 3}), uniform({2, 5, 4, 4})),
          {{"padding", {0, 2, 2, 0}}}),
      row("conv2d_relu", folded(uniform({2, 5, 4, 3}), uniform({4, 3, 3, 3})), {{"padding", 1}}),
      row("conv2d_add", folded(uniform({2, 5, 4, 3}), uniform({4, 1, 1, 3}), uniform({2, 5, 4, 4})),
          {{"relu", false}}),
      row("conv2d_add_relu_1x1_large",
          folded(uniform({2, 14, 14, 32}), uniform({64, 1, 1, 32}), uniform({2, 14, 14, 64})), {}),
      row("conv2d_add_relu_large",
          folded(uniform({2, 14, 13, 32}), uniform({48, 3, 3, 32}), uniform({2, 14, 13, 48})),
          {{"padding", 1}}),
      row("conv2d_add_relu_groups",
          folded(uniform({2, 5, 6, 16}), uniform({16, 3, 3, 4}), uniform({2, 5, 6, 16})),
          {{"padding", 1}, {"groups", 4}}),
      row("conv2d_add_relu_depthwise_one_pixel",
          folded(uniform({1, 3, 3, 21}), uniform({21, 1, 1, 1}), uniform({1, 1, 1, 21})),
          {{"stride", 3}, {"groups", 21}}),
      row("conv2d_relu_stem", folded(uniform({2, 30, 31, 3}), uniform({16, 7, 7, 3})),
          {{"padding", 3}, {"stride", 2}}),
  };
}

// x, weight, bias, running mean and variance, and an optional residual.
std::vector<Input> normalised(Input x, bool residual = false) {
  const Shape shape = x.shape, channels{shape[-1]};
  return {std::move(x),
          uniform(channels, 0.5, 1.5).parameter(),
          uniform(channels).parameter(),
          uniform(channels).running(),
          uniform(channels, 0.5, 2).running(),
          residual ? uniform(shape) : absent()};
}

// A smaller step with a ReLU: its input is not drawn, so it may be closer to 0.
Rows batch_norm_rows() {
  constexpr double kReluStep = 1e-6;
  return {
      {"batch_norm", "batch_norm", normalised(uniform({2, 3, 4, 5}))},
      {"batch_norm_relu",
       "batch_norm",
       normalised(uniform({2, 3, 4, 5})),
       {{"relu", true}},
       {},
       kReluStep},
      {"batch_norm_residual", "batch_norm", normalised(uniform({2, 3, 4, 3}), true)},
      {"batch_norm_residual_relu",
       "batch_norm",
       normalised(uniform({2, 3, 4, 3}), true),
       {{"relu", true}},
       {},
       kReluStep},
      {"batch_norm_inference",
       "batch_norm",
       normalised(uniform({2, 3, 4, 5})),
       {{"training", false}}},
      {"batch_norm_inference_relu",
       "batch_norm",
       normalised(uniform({2, 3, 4, 5})),
       {{"training", false}, {"relu", true}},
       {},
       kReluStep},
      {"batch_norm_inference_residual",
       "batch_norm",
       normalised(uniform({2, 3, 4, 3}), true),
       {{"training", false}}},
      {"batch_norm_inference_residual_relu",
       "batch_norm",
       normalised(uniform({2, 3, 4, 3}), true),
       {{"training", false}, {"relu", true}},
       {},
       kReluStep},
      {"batch_norm_2d", "batch_norm", normalised(uniform({8, 5}))},
      {"batch_norm_2d_inference_relu",
       "batch_norm",
       normalised(uniform({8, 5})),
       {{"training", false}, {"relu", true}},
       {},
       kReluStep},
      {"batch_norm_3d", "batch_norm", normalised(uniform({2, 6, 4}))},
      {"batch_norm_inference_one_row",
       "batch_norm",
       normalised(uniform({1, 4})),
       {{"training", false}}},
      {"batch_norm_one_channel", "batch_norm", normalised(uniform({2, 4, 4, 1}))},
      {"batch_norm_odd_channels", "batch_norm", normalised(uniform({2, 2, 2, 19}))},
      {"batch_norm_one_image", "batch_norm", normalised(uniform({1, 4, 5, 3}))},
      {"batch_norm_two_values", "batch_norm", normalised(spread({2, 4})), {{"epsilon", 0.25}}},
      {"batch_norm_momentum", "batch_norm", normalised(uniform({2, 3, 3, 3})), {{"momentum", 0.3}}},
      {"batch_norm_momentum_1",
       "batch_norm",
       normalised(uniform({2, 3, 3, 3})),
       {{"momentum", 1.0}}},
      {"batch_norm_momentum_0",
       "batch_norm",
       normalised(uniform({2, 3, 3, 3})),
       {{"momentum", 0.0}}},
      {"batch_norm_epsilon", "batch_norm", normalised(uniform({2, 3, 3, 3})), {{"epsilon", 0.25}}},
      // A mean far from 0, for which a variance from sums of squares would lose half of its digits.
      // The mean is 175 times the standard deviation, and so are its rounding errors.
      {"batch_norm_far_mean",
       "batch_norm",
       normalised(uniform({2, 4, 4, 3}, 100, 102)),
       {},
       {.f32 = 24}},
      // No variance at all: epsilon dominates, and the gradient is steep.
      {"batch_norm_constant_input",
       "batch_norm",
       normalised(integers({2, 3, 3, 2}, 1, 2)),
       {},
       {},
       1e-8},
      {"batch_norm_large", "batch_norm", normalised(uniform({8, 32, 30, 24}))},
      {"batch_norm_large_residual_relu",
       "batch_norm",
       normalised(uniform({4, 32, 30, 24}), true),
       {{"relu", true}},
       {},
       0},
      {"batch_norm_large_inference",
       "batch_norm",
       normalised(uniform({4, 32, 30, 24})),
       {{"training", false}}},
  };
}

Rows pool2d_rows() {
  const json resnet = {{"kernel_size", 3}, {"stride", 2}, {"padding", 1}};
  Rows rows = {
      // Padding must not count as a 0 that is larger than negative elements.
      {"max_pool2d_negative", "max_pool2d", {spread({1, 4, 4, 2}, -3, -1)}, resnet},
      {"max_pool2d_ties", "max_pool2d", {integers({2, 6, 6, 2}, 0, 3)}, resnet, {}, 0},
      {"max_pool2d_255_places",
       "max_pool2d",
       {spread({1, 15, 17, 1})},
       {{"kernel_size", {15, 17}}, {"stride", 1}}},
  };
  for (const std::string op : {"max_pool2d", "avg_pool2d"})
    append(rows, {
                     {op, op, {spread({2, 4, 6, 3})}},
                     {op + "_resnet", op, {spread({2, 6, 6, 3})}, resnet},
                     {op + "_resnet_odd", op, {spread({2, 7, 5, 3})}, resnet},
                     {op + "_overlapping",
                      op,
                      {spread({1, 5, 6, 2})},
                      {{"kernel_size", 3}, {"stride", 1}, {"padding", 1}}},
                     {op + "_rows_unused", op, {spread({1, 5, 7, 2})}},
                     {op + "_stride_beyond_kernel",
                      op,
                      {spread({1, 8, 7, 2})},
                      {{"kernel_size", 2}, {"stride", 3}}},
                     {op + "_asymmetric",
                      op,
                      {spread({2, 6, 7, 2})},
                      {{"kernel_size", {3, 2}}, {"stride", {1, 2}}, {"padding", {1, 0}}}},
                     {op + "_1x1", op, {spread({1, 3, 3, 2})}, {{"kernel_size", 1}, {"stride", 1}}},
                     {op + "_whole_image",
                      op,
                      {spread({2, 3, 4, 2})},
                      {{"kernel_size", {3, 4}}, {"stride", 1}}},
                     {op + "_one_pixel", op, {spread({1, 1, 1, 3})}, resnet},
                     {op + "_odd_channels", op, {spread({1, 5, 5, 19})}, resnet},
                     {op + "_large", op, {spread({4, 40, 41, 24}, -200, 200)}, resnet},
                 });
  append(rows, {
                   {"global_avg_pool2d", "global_avg_pool2d", {uniform({2, 3, 4, 5})}},
                   {"global_avg_pool2d_one_pixel", "global_avg_pool2d", {uniform({3, 1, 1, 4})}},
                   {"global_avg_pool2d_one_image", "global_avg_pool2d", {uniform({1, 7, 7, 3})}},
                   {"global_avg_pool2d_large", "global_avg_pool2d", {uniform({8, 32, 32, 24})}},
               });
  return rows;
}

Rows product_rows() {
  Rows rows = {
      {"linear", "linear", {uniform({4, 5}), uniform({3, 5}), uniform({3})}},
      {"linear_no_bias", "linear", {uniform({4, 5}), uniform({3, 5})}},
      {"linear_1d", "linear", {uniform({5}), uniform({3, 5}), uniform({3})}},
      {"linear_3d", "linear", {uniform({2, 3, 5}), uniform({4, 5}), uniform({4})}},
      {"linear_4d", "linear", {uniform({2, 1, 3, 5}), uniform({2, 5}), uniform({2})}},
      {"linear_one_row", "linear", {uniform({1, 6}), uniform({4, 6}), uniform({4})}},
      {"linear_one_output", "linear", {uniform({4, 6}), uniform({1, 6}), uniform({1})}},
      {"linear_one_input", "linear", {uniform({4, 1}), uniform({3, 1}), uniform({3})}},
      {"linear_odd", "linear", {uniform({17, 19}), uniform({23, 19}), uniform({23})}},
      {"linear_large", "linear", {uniform({70, 130}), uniform({90, 130}), uniform({90})}},
  };
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true}) {
      const std::string name =
          std::string("matmul") + (transpose_a ? "_at" : "_a") + (transpose_b ? "_bt" : "_b");
      const json attrs = {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}};
      const auto a = [=](std::int64_t rows_, std::int64_t inner) {
        return transpose_a ? std::pair(inner, rows_) : std::pair(rows_, inner);
      };
      const auto b = [=](std::int64_t inner, std::int64_t columns) {
        return transpose_b ? std::pair(columns, inner) : std::pair(inner, columns);
      };
      const auto [a0, a1] = a(4, 3);
      const auto [b0, b1] = b(3, 5);
      const auto [large_a0, large_a1] = a(65, 50);
      const auto [large_b0, large_b1] = b(50, 70);
      append(rows,
             {
                 {name, "matmul", {uniform({a0, a1}), uniform({b0, b1})}, attrs},
                 {name + "_batched", "matmul", {uniform({2, a0, a1}), uniform({2, b0, b1})}, attrs},
                 {name + "_large",
                  "matmul",
                  {uniform({3, large_a0, large_a1}), uniform({3, large_b0, large_b1})},
                  attrs},
             });
    }
  append(rows, {
                   {"matmul_4d", "matmul", {uniform({2, 3, 2, 4}), uniform({2, 3, 4, 3})}},
                   {"matmul_row_by_column", "matmul", {uniform({1, 7}), uniform({7, 1})}},
                   {"matmul_column_by_row", "matmul", {uniform({4, 1}), uniform({1, 3})}},
               });
  return rows;
}

// Whole numbers, so that some pairs are equal; the results have no gradient.
Rows comparison_rows() {
  Rows rows;
  for (const std::string op : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    const auto numbers = [](Shape shape) { return integers(std::move(shape), -2, 3).constant(); };
    append(rows, {
                     {op, op, {numbers({4, 5}), numbers({4, 5})}, {}, {}, 0},
                     {op + "_row", op, {numbers({4, 5}), numbers({5})}, {}, {}, 0},
                     {op + "_both_ways", op, {numbers({4, 1}), numbers({6})}, {}, {}, 0},
                     {op + "_number", op, {numbers({4, 5})}, {{"right", 1}}, {}, 0},
                     {op + "_large", op, {numbers({200, 301}), numbers({200, 301})}, {}, {}, 0},
                 });
  }
  return rows;
}

Rows where_rows() {
  const auto condition = [](Shape shape) {
    Input input = integers(std::move(shape), 0, 2).constant();
    input.type = Input::Type::u8;
    return input;
  };
  return {
      {"where", "where", {condition({3, 4}), uniform({3, 4}), uniform({3, 4})}},
      {"where_of_pixels", "where", {pixels({3, 4}), uniform({3, 4}), uniform({3, 4})}},
      {"where_condition_row", "where", {condition({4}), uniform({3, 4}), uniform({3, 4})}},
      {"where_condition_column", "where", {condition({3, 1}), uniform({3, 4}), uniform({3, 4})}},
      {"where_scalar_a", "where", {condition({3, 4}), uniform({}), uniform({3, 4})}},
      {"where_scalar_b", "where", {condition({3, 4}), uniform({3, 4}), uniform({})}},
      {"where_all_ways", "where", {condition({2, 1, 1}), uniform({3, 1}), uniform({4})}},
      {"where_scalars", "where", {condition({}), uniform({}), uniform({})}},
      {"where_a_constant", "where", {condition({5}), uniform({5}).constant(), uniform({5})}},
      {"where_large", "where", {condition({150, 301}), uniform({150, 301}), uniform({301})}},
  };
}

Rows elementwise_rows() {
  Rows rows = {
      {"relu", "relu", {away_from_zero({2, 3, 2, 3})}},
      {"relu_scalar", "relu", {away_from_zero({})}},
      {"relu_at_zero", "relu", {listed({5}, {-1, -0.0, 0, 1, 0})}, {}, {}, 0},
      {"relu_large", "relu", {away_from_zero({8, 40, 41, 24})}},
      {"sigmoid", "sigmoid", {uniform({2, 3, 2, 3}, -4, 4)}},
      {"sigmoid_scalar", "sigmoid", {uniform({})}},
      {"sigmoid_saturated",
       "sigmoid",
       {listed({9}, {-1000, -700, -40, -20, 0.5, 20, 40, 700, 1000})}},
      {"sigmoid_large", "sigmoid", {uniform({8, 40, 41, 24}, -4, 4)}},
      {"neg", "neg", {uniform({2, 3, 2, 3})}},
      {"neg_large", "neg", {uniform({300, 171})}},
      {"clamp", "clamp", {spread({4, 6}, -3, 3)}, {{"min", -1.5}, {"max", 0.75}}},
      {"clamp_from_below", "clamp", {spread({24}, -3, 3)}, {{"min", 0.5}, {"max", kInfinity}}},
      {"clamp_at_bounds",
       "clamp",
       {listed({7}, {-2, -1, -0.5, 0, 1.5, 2, 3})},
       {{"min", -1}, {"max", 2}},
       {},
       0},
      {"clamp_large", "clamp", {spread({400, 301}, -3, 3)}, {{"min", -1}, {"max", 1}}},
      {"pow", "pow", {uniform({2, 3, 2}, 0.5, 2)}, {{"exponent", 2.5}}},
      {"pow_negative_exponent", "pow", {uniform({7}, 0.5, 2)}, {{"exponent", -1.5}}},
      {"pow_of_negative_numbers", "pow", {away_from_zero({9})}, {{"exponent", 3}}},
      {"pow_to_one", "pow", {listed({4}, {-2, 0, 0.5, 3})}, {{"exponent", 1}}},
      {"pow_to_zero", "pow", {listed({4}, {-2, 0, 0.5, 3})}, {{"exponent", 0}}},
      {"pow_at_zero", "pow", {listed({3}, {-1, 0, 2})}, {{"exponent", 2}}},
      {"pow_large", "pow", {uniform({150, 170}, 0.5, 2)}, {{"exponent", 1.25}}},
      {"add_to_itself", "add_to_itself", {uniform({2, 3})}},
      {"square", "square", {uniform({2, 3})}},
      {"three_uses", "three_uses", {away_from_zero({3, 4})}},
  };
  struct Broadcast {
    std::string name;
    Shape a, b;
  };
  const std::vector<Broadcast> broadcasts = {
      {"", {2, 3, 4}, {2, 3, 4}},
      {"_scalar_right", {2, 3}, {}},
      {"_scalar_left", {}, {2, 3}},
      {"_scalars", {}, {}},
      {"_one_element", {2, 3}, {1}},
      {"_row_right", {2, 3, 4}, {4}},
      {"_row_left", {4}, {2, 3, 4}},
      {"_column_right", {3, 4}, {3, 1}},
      {"_column_left", {3, 1}, {3, 4}},
      {"_middle_right", {2, 3, 4}, {2, 1, 4}},
      {"_middle_left", {2, 1, 4}, {2, 3, 4}},
      {"_first_right", {3, 2, 2}, {1, 2, 2}},
      {"_ends_right", {2, 3, 4}, {1, 3, 1}},
      {"_both_ways", {3, 1}, {1, 4}},
      {"_both_ways_alternating", {2, 1, 3, 1}, {1, 2, 1, 4}},
      {"_both_ways_ranks_differ", {3, 1}, {2, 1, 4}},
      {"_one_row_and_more_dims", {1, 1, 1}, {2, 3}},
      {"_large_row_right", {300, 170, 5}, {5}},
      {"_large_column_left", {300, 1}, {300, 500}},
      {"_large_same", {500, 500}, {500, 500}},
  };
  // In bf16 the gradients of mul and div are rounded before they are summed over the repeated
  // dimensions, and a sum may be small compared with its terms.
  for (const std::string op : {"add", "sub", "mul", "div"})
    for (const Broadcast& each : broadcasts)
      rows.push_back(
          {op + each.name,
           op,
           {uniform(each.a), op == "div" ? away_from_zero(each.b, 0.5, 1.5) : uniform(each.b)},
           {},
           {.bf16 = op == "mul" || op == "div" ? 2.0 : 1.0}});
  for (const std::string op : {"add", "sub", "mul", "div"})
    for (const std::string side : {"left", "right"})
      rows.push_back({op + "_number_" + side,
                      op,
                      {op == "div" ? away_from_zero({3, 5}, 0.5, 1.5) : uniform({3, 5})},
                      {{side, -2.5}}});
  append(rows, comparison_rows());
  append(rows, where_rows());
  // Two roundings and no other arithmetic.
  for (const std::string dtype : {"f64", "f32", "bf16"})
    rows.push_back({"cast_to_" + dtype,
                    "cast",
                    {uniform({3, 4})},
                    {{"dtype", dtype}},
                    {.bf16 = 0.4},
                    dtype == "f64" ? 1e-5 : 0});
  rows.push_back({"cast_large", "cast", {uniform({300, 700})}, {{"dtype", "f32"}}, {}, 0});
  return rows;
}

Rows reduction_rows() {
  using Dims = std::vector<std::int64_t>;
  struct Reduced {
    std::string name;
    Dims dims;
  };
  const std::vector<Reduced> all = {{"_all", {}},
                                    {"_first", {0}},
                                    {"_second", {1}},
                                    {"_third", {2}},
                                    {"_last", {-1}},
                                    {"_ends", {0, 3}},
                                    {"_middle", {1, 2}},
                                    {"_alternating", {-4, -2}},
                                    {"_unsorted", {3, 1}},
                                    {"_but_last", {0, 1, 2}},
                                    {"_but_first", {1, 2, 3}},
                                    {"_each", {0, 1, 2, 3}}};
  Rows rows;
  for (const std::string op : {"sum", "mean", "amax"}) {
    for (const Reduced& each : all)
      for (const bool keepdim : {false, true})
        rows.push_back({op + each.name + (keepdim ? "_keepdim" : ""),
                        op,
                        {spread({2, 3, 2, 4})},
                        {{"dims", each.dims}, {"keepdim", keepdim}}});
    // Sums without cancellation, and a step that is small enough for them; maxima far apart.
    const bool is_amax = op == "amax";
    const auto large = [=](Shape shape) {
      return is_amax ? spread(std::move(shape), -1000, 1000) : uniform(std::move(shape), -0.5, 1);
    };
    const double step = is_amax ? 1e-5 : 1e-2;
    append(rows, {
                     {op + "_scalar", op, {uniform({})}},
                     {op + "_one_element", op, {uniform({1, 1})}, {{"dims", Dims{0}}}},
                     {op + "_large_all", op, {large({60, 70, 40})}, {}, {}, step},
                     {op + "_large_last", op, {large({400, 300})}, {{"dims", Dims{-1}}}, {}, step},
                     {op + "_large_first", op, {large({400, 300})}, {{"dims", Dims{0}}}, {}, step},
                 });
  }
  rows.push_back({"amax_ties", "amax", {integers({3, 8}, 0, 3)}, {{"dims", Dims{1}}}, {}, 0});
  rows.push_back({"amax_ties_all", "amax", {integers({3, 8}, 0, 3)}, {}, {}, 0});
  return rows;
}

OpCase select(const std::string& name, const Input& x, const Input& indices) {
  return {"index_select_" + name, "index_select", {x, indices}, {}, {}, 0};
}

Rows shape_rows() {
  using Integers = std::vector<std::int64_t>;
  return {
      {"reshape", "reshape", {uniform({2, 3, 4})}, {{"extents", Integers{6, 4}}}},
      {"reshape_flat", "reshape", {uniform({2, 3, 4})}, {{"extents", Integers{-1}}}},
      {"reshape_computed", "reshape", {uniform({2, 3, 4})}, {{"extents", Integers{2, -1, 6}}}},
      {"reshape_to_scalar", "reshape", {uniform({1, 1})}, {{"extents", Integers{}}}},
      {"reshape_from_scalar", "reshape", {uniform({})}, {{"extents", Integers{1, 1, 1}}}},
      {"permute_2d", "permute", {uniform({3, 5})}, {{"order", {1, 0}}}},
      {"permute_identity", "permute", {uniform({2, 3, 4})}, {{"order", {0, 1, 2}}}},
      {"permute_rotate", "permute", {uniform({2, 3, 4})}, {{"order", {1, 2, 0}}}},
      {"permute_swap_last", "permute", {uniform({2, 3, 4})}, {{"order", {0, 2, 1}}}},
      {"permute_reverse", "permute", {uniform({2, 3, 4})}, {{"order", {2, 1, 0}}}},
      {"permute_to_channels_first", "permute", {uniform({2, 3, 4, 5})}, {{"order", {0, 3, 1, 2}}}},
      {"permute_5d", "permute", {uniform({2, 1, 3, 2, 2})}, {{"order", {4, 2, 0, 1, 3}}}},
      {"permute_large", "permute", {uniform({40, 50, 60})}, {{"order", {2, 0, 1}}}},
      {"concat_first", "concat", {uniform({2, 3}), uniform({4, 3})}, {{"dim", 0}}},
      {"concat_last", "concat", {uniform({2, 3, 1}), uniform({2, 3, 4})}, {{"dim", -1}}},
      {"concat_middle", "concat", {uniform({2, 3, 4}), uniform({2, 1, 4})}, {{"dim", 1}}},
      {"concat_three",
       "concat",
       {uniform({2, 2, 2, 3}), uniform({2, 2, 2, 1}), uniform({2, 2, 2, 4})},
       {{"dim", 3}}},
      {"concat_one", "concat", {uniform({2, 3})}, {{"dim", 1}}},
      {"concat_1d", "concat", {uniform({2}), uniform({3})}, {{"dim", 0}}},
      {"concat_with_itself", "concat_with_itself", {uniform({2, 3})}},
      {"concat_large", "concat", {uniform({64, 30, 40}), uniform({64, 30, 50})}, {{"dim", 2}}},
      {"narrow_first", "narrow", {uniform({5, 3})}, {{"dim", 0}, {"start", 1}, {"length", 3}}},
      {"narrow_middle", "narrow", {uniform({2, 5, 3})}, {{"dim", 1}, {"start", 0}, {"length", 2}}},
      {"narrow_last", "narrow", {uniform({2, 3, 6})}, {{"dim", -1}, {"start", 4}, {"length", 2}}},
      {"narrow_one", "narrow", {uniform({2, 5, 3})}, {{"dim", 1}, {"start", 4}, {"length", 1}}},
      {"narrow_whole", "narrow", {uniform({4, 3})}, {{"dim", 0}, {"start", 0}, {"length", 4}}},
      {"narrow_large",
       "narrow",
       {uniform({64, 90, 40})},
       {{"dim", 1}, {"start", 10}, {"length", 60}}},
      select("some", uniform({5, 3}).constant(), listed_i64({4}, {3, 0, 0, 4})),
      select("vector", uniform({7}).constant(), listed_i64({3}, {6, 0, 6})),
      select("aligned", uniform({6, 64}).constant(), classes({9}, 6)),
      select("pixels", pixels({3, 5, 3, 1}), listed_i64({2}, {2, 1})),
      select("none", uniform({4, 3}).constant(), listed_i64({0}, {})),
  };
}

Rows loss_rows() {
  const std::vector<double> extreme = {-1e4, -1e4, -800, -40, -1, 1, 40, 800, 1e4, 1e4},
                            either = {0, 1, 1, 0, 1, 0, 1, 0, 0, 1};
  Rows rows;
  for (const std::string op : {"softmax", "log_softmax"})
    append(rows, {
                     {op, op, {uniform({3, 5}, -3, 3)}},
                     {op + "_1d", op, {uniform({6}, -3, 3)}},
                     {op + "_4d", op, {uniform({2, 2, 3, 4}, -3, 3)}},
                     {op + "_one_class", op, {uniform({3, 1})}},
                     {op + "_odd", op, {uniform({2, 37}, -3, 3)}},
                     {op + "_shifted", op, {uniform({3, 5}, 998, 1002)}},
                     {op + "_far_apart",
                      op,
                      {listed({2, 4}, {-1000, 0, 1000, 999, 1e4, -1e4, 1e4, 0})},
                      {},
                      {},
                      1e-4},
                     {op + "_large", op, {uniform({700, 300}, -3, 3)}},
                 });
  const std::string bce = "binary_cross_entropy_with_logits";
  append(
      rows,
      {
          {bce, bce, {uniform({6, 1}, -4, 4), integers({6, 1}, 0, 2).constant()}},
          {bce + "_soft_targets", bce, {uniform({3, 4}, -4, 4), uniform({3, 4}, 0, 1).constant()}},
          {bce + "_weight",
           bce,
           {uniform({8}, -4, 4), integers({8}, 0, 2).constant(), uniform({8}, 0, 2).constant()}},
          {bce + "_positive_weight",
           bce,
           {uniform({8}, -4, 4), integers({8}, 0, 2).constant()},
           {{"positive_weight", 2.5}}},
          {bce + "_both_weights",
           bce,
           {uniform({4, 3}, -4, 4), uniform({4, 3}, 0, 1).constant(),
            uniform({4, 3}, 0, 2).constant()},
           {{"positive_weight", 0.25}}},
          {bce + "_scalar", bce, {uniform({}), listed({}, {1}).constant()}},
          {bce + "_extreme",
           bce,
           {listed({10}, extreme), listed({10}, either).constant()},
           {},
           {},
           1e-3},
          {bce + "_extreme_weights",
           bce,
           {listed({10}, extreme), listed({10}, either).constant(),
            uniform({10}, 0.5, 2).constant()},
           {{"positive_weight", 3.0}},
           {},
           1e-3},
          {bce + "_large",
           bce,
           {uniform({400, 300}, -4, 4), integers({400, 300}, 0, 2).constant()},
           {{"positive_weight", 2.0}}},
          {"cross_entropy", "cross_entropy", {uniform({4, 3}, -3, 3), classes({4}, 3)}},
          {"cross_entropy_one_row", "cross_entropy", {uniform({1, 7}, -3, 3), classes({1}, 7)}},
          {"cross_entropy_one_class", "cross_entropy", {uniform({3, 1}), classes({3}, 1)}},
          {"cross_entropy_extreme",
           "cross_entropy",
           {listed({2, 3}, {1e4, -1e4, 0, 1000, 999, -1e4}), listed_i64({2}, {1, 1})},
           {},
           {},
           1e-3},
          {"cross_entropy_large",
           "cross_entropy",
           {uniform({500, 200}, -3, 3), classes({500}, 200)}},
      });
  return rows;
}

Rows dropout_rows() {
  const auto key = [](double seed, double stream, double step, double first) {
    return listed_i64({4}, {seed, stream, step, first});
  };
  return {
      {"dropout", "dropout", {uniform({4, 9}), key(1, 2, 3, 0)}, {{"p", 0.5}}},
      {"dropout_rarely", "dropout", {uniform({4, 9}), key(1, 2, 3, 0)}, {{"p", 0.125}}},
      {"dropout_mostly", "dropout", {uniform({4, 9}), key(1, 2, 3, 0)}, {{"p", 0.9}}},
      {"dropout_never", "dropout", {uniform({4, 9}), key(1, 2, 3, 0)}, {{"p", 0.0}}},
      {"dropout_later_samples", "dropout", {uniform({3, 5}), key(1, 2, 3, 17)}, {{"p", 0.5}}},
      {"dropout_large_key",
       "dropout",
       {uniform({3, 2, 3, 2}), key(9007199254740881, 4503599627370449, 12345678901, 4294967290)},
       {{"p", 0.5}}},
      {"dropout_1d", "dropout", {uniform({11}), key(5, 0, 0, 0)}, {{"p", 0.5}}},
      {"dropout_large", "dropout", {uniform({300, 401}), key(7, 8, 9, 10)}, {{"p", 0.25}}},
  };
}

Rows warp_rows() {
  const json grey = {{"height", 5}, {"width", 4}, {"mean", {0.5}}, {"std", {0.25}}};
  const json three = {
      {"height", 4}, {"width", 5}, {"mean", {0.485, 0.456, 0.406}}, {"std", {0.229, 0.224, 0.225}}};
  const auto matrices = [](std::vector<double> elements) {
    const auto count = static_cast<std::int64_t>(elements.size()) / 6;
    return listed({count, 2, 3}, std::move(elements)).parameter().constant();
  };
  // Coordinates of up to 90 pixels are rounded, and neighbouring pixels may differ by any amount.
  const Tolerance coordinates = {.f32 = 33};
  const auto row = [&](const char* name, Input images, Input matrices_, const json& attrs) {
    return OpCase{name,  "warp_affine", {std::move(images), std::move(matrices_)},
                  attrs, coordinates,   0};
  };
  return {
      row("warp_affine_identity", pixels({1, 5, 4, 1}), matrices({1, 0, 0, 0, 1, 0}), grey),
      row("warp_affine_flip", pixels({1, 5, 4, 1}), matrices({-1, 0, 3, 0, 1, 0}), grey),
      row("warp_affine_shift", pixels({1, 5, 4, 1}), matrices({1, 0, 1, 0, 1, -2}), grey),
      row("warp_affine_half_shift", pixels({1, 5, 4, 1}), matrices({1, 0, 0.5, 0, 1, -0.5}), grey),
      row("warp_affine_rotation", pixels({1, 6, 6, 1}),
          matrices({0.9375, -0.34375, 1.1, 0.34375, 0.9375, -0.7}), grey),
      row("warp_affine_shear_and_scale", pixels({1, 9, 8, 1}),
          matrices({1.7, 0.3, 0.2, -0.25, 1.6, 1.3}), grey),
      row("warp_affine_zoom", pixels({1, 3, 3, 1}), matrices({0.4, 0, 0.1, 0, 0.35, 0.2}), grey),
      row("warp_affine_outside", pixels({1, 3, 3, 1}), matrices({1, 0, 100, 0, 1, -100}), grey),
      row("warp_affine_one_pixel", pixels({1, 1, 1, 1}), matrices({0.5, 0, -0.75, 0, 0.5, -0.75}),
          grey),
      row("warp_affine_grey_to_three", pixels({1, 4, 5, 1}),
          matrices({0.9, 0.1, 0.2, -0.1, 0.9, 0.3}), three),
      row("warp_affine_colour", pixels({1, 4, 5, 3}), matrices({0.9, 0.1, 0.2, -0.1, 0.9, 0.3}),
          three),
      row("warp_affine_batch", pixels({3, 6, 5, 1}),
          matrices({1, 0, 0, 0, 1, 0, -1.1, 0.2, 4, 0.1, 1.2, -0.3, 0.7, 0.7, -1, -0.7, 0.7, 3}),
          three),
      row("warp_affine_large", pixels({2, 90, 80, 1}),
          matrices({1.1, 0.25, -3.3, -0.25, 1.15, 7.7, -0.95, 0.1, 77.7, 0.1, 0.98, 1.3}),
          {{"height", 96},
           {"width", 96},
           {"mean", {0.485, 0.456, 0.406}},
           {"std", {0.229, 0.224, 0.225}}}),
  };
}

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const Rows rows = [] {
    Rows all;
    for (const auto& part :
         {conv2d_rows, conv2d_add_relu_rows, batch_norm_rows, pool2d_rows, product_rows,
          elementwise_rows, reduction_rows, shape_rows, loss_rows, dropout_rows, warp_rows})
      append(all, part());
    for (OpCase& row : all)
      if (row.attrs.is_null()) row.attrs = json::object();  // {} in a row
    return all;
  }();
  return rows;
}

}  // namespace osteon
