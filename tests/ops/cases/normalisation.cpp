// Rows of normalisation.
#include "tests/ops/cases/rows.h"

namespace osteon {

using nlohmann::json;

namespace {

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

// With results on both sides of 6.
std::vector<Input> widely_normalised(Input x, bool residual = false) {
  std::vector<Input> inputs = normalised(std::move(x), residual);
  inputs[1] = uniform(inputs[1].shape, 3, 8).parameter();
  return inputs;
}

}  // namespace

// A smaller step with a ReLU: its input is not drawn, so it may be closer to 0 or 6.
Rows batch_norm_rows() {
  constexpr double kReluStep = 1e-6;
  return {
      {"batch_norm", "batch_norm", normalised(uniform({2, 3, 4, 5}))},
      {"batch_norm_relu",
       "batch_norm",
       normalised(uniform({2, 3, 4, 5})),
       {{"activation", "relu"}},
       {},
       kReluStep},
      {"batch_norm_residual", "batch_norm", normalised(uniform({2, 3, 4, 3}), true)},
      {"batch_norm_residual_relu",
       "batch_norm",
       normalised(uniform({2, 3, 4, 3}), true),
       {{"activation", "relu"}},
       {},
       kReluStep},
      {"batch_norm_inference",
       "batch_norm",
       normalised(uniform({2, 3, 4, 5})),
       {{"training", false}}},
      {"batch_norm_inference_relu",
       "batch_norm",
       normalised(uniform({2, 3, 4, 5})),
       {{"training", false}, {"activation", "relu"}},
       {},
       kReluStep},
      {"batch_norm_inference_residual",
       "batch_norm",
       normalised(uniform({2, 3, 4, 3}), true),
       {{"training", false}}},
      {"batch_norm_inference_residual_relu",
       "batch_norm",
       normalised(uniform({2, 3, 4, 3}), true),
       {{"training", false}, {"activation", "relu"}},
       {},
       kReluStep},
      {"batch_norm_2d", "batch_norm", normalised(uniform({8, 5}))},
      {"batch_norm_2d_inference_relu",
       "batch_norm",
       normalised(uniform({8, 5})),
       {{"training", false}, {"activation", "relu"}},
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
      {"batch_norm_relu6",
       "batch_norm",
       widely_normalised(uniform({2, 3, 4, 5})),
       {{"activation", "relu6"}},
       {},
       kReluStep},
      {"batch_norm_residual_relu6",
       "batch_norm",
       widely_normalised(uniform({2, 3, 4, 3}), true),
       {{"activation", "relu6"}},
       {},
       kReluStep},
      {"batch_norm_inference_relu6",
       "batch_norm",
       widely_normalised(uniform({2, 3, 4, 19})),
       {{"training", false}, {"activation", "relu6"}},
       {},
       kReluStep},
      {"batch_norm_silu",
       "batch_norm",
       widely_normalised(uniform({2, 3, 4, 5})),
       {{"activation", "silu"}}},
      {"batch_norm_inference_silu",
       "batch_norm",
       normalised(uniform({2, 3, 4, 19})),
       {{"training", false}, {"activation", "silu"}}},
      {"batch_norm_large", "batch_norm", normalised(uniform({8, 32, 30, 24}))},
      {"batch_norm_large_relu6",
       "batch_norm",
       widely_normalised(uniform({8, 32, 30, 24})),
       {{"activation", "relu6"}},
       {},
       0},
      {"batch_norm_large_residual_relu",
       "batch_norm",
       normalised(uniform({4, 32, 30, 24}), true),
       {{"activation", "relu"}},
       {},
       0},
      {"batch_norm_large_inference",
       "batch_norm",
       normalised(uniform({4, 32, 30, 24})),
       {{"training", false}}},
  };
}

Rows layer_norm_rows() {
  const auto inputs = [](Input x) -> std::vector<Input> {
    const Shape channels{x.shape[-1]};
    return {std::move(x), uniform(channels, 0.5, 1.5).parameter(), uniform(channels).parameter()};
  };
  const auto constant = [&](Input x) {
    std::vector<Input> all = inputs(std::move(x));
    all[1] = all[1].constant();
    all[2] = all[2].constant();
    return all;
  };
  return {
      {"layer_norm", "layer_norm", inputs(uniform({2, 3, 5}))},
      {"layer_norm_images", "layer_norm", inputs(uniform({2, 3, 4, 24}))},
      {"layer_norm_of_one_row", "layer_norm", inputs(uniform({37}))},
      {"layer_norm_far_from_zero",
       "layer_norm",
       inputs(uniform({4, 33}, 99, 101)),
       {},
       {.f32 = 100}},  // the mean is rounded, and is 100 times the deviation
      {"layer_norm_epsilon", "layer_norm", inputs(uniform({3, 7})), {{"epsilon", 0.5}}},
      {"layer_norm_input_only", "layer_norm", constant(uniform({3, 7}))},
      {"layer_norm_large", "layer_norm", inputs(uniform({300, 201}))},
      {"group_norm", "group_norm", inputs(uniform({2, 3, 4, 6})), {{"groups", 3}}},
      {"group_norm_one_group", "group_norm", inputs(uniform({2, 2, 3, 5})), {{"groups", 1}}},
      {"group_norm_one_channel_each",
       "group_norm",
       inputs(uniform({1, 3, 3, 4})),
       {{"groups", 4}, {"epsilon", 1e-3}}},
      {"standardised", "standardised", {uniform({4, 3, 3, 2})}},
      {"standardised_one_pixel", "standardised", {uniform({5, 1, 1, 6})}, {{"epsilon", 0.125}}},
      {"group_norm_large", "group_norm", inputs(uniform({2, 20, 19, 64})), {{"groups", 32}}},
  };
}

namespace {

// x, then the tensors of each layer in the order of DenseLayer. `bias` draws the biases of the
// norms.
using DrawBias = Input (*)(std::int64_t channels);
std::vector<Input> dense_layers(const Input& x, std::int64_t layers, std::int64_t inner,
                                std::int64_t growth, const DrawBias& bias) {
  std::vector<Input> all{x};
  const auto norm = [&](std::int64_t channels) {
    all.push_back(uniform({channels}, 0.25, 0.75).parameter());
    all.push_back(bias(channels).parameter());
    all.push_back(uniform({channels}).running());
    all.push_back(uniform({channels}, 0.5, 2).running());
  };
  for (std::int64_t i = 0, channels = x.shape[3]; i < layers; ++i, channels += growth) {
    norm(channels);
    all.push_back(uniform({inner, 1, 1, channels}));
    norm(inner);
    all.push_back(uniform({growth, 3, 3, inner}));
  }
  return all;
}

}  // namespace

// A layer normalises what the layer before it made, so roundings are passed on.
Rows dense_block_rows() {
  constexpr double kReluStep = 1e-6;
  // In inference each channel can be wholly above or below the ReLU's kink. In training the next
  // norm would then remove all that a bias does, and its gradient would be a rounding error.
  const auto apart = [](const Input& x, std::int64_t layers, std::int64_t inner,
                        std::int64_t growth) {
    return dense_layers(x, layers, inner, growth,
                        [](std::int64_t channels) { return away_from_zero({channels}, 4, 5); });
  };
  const auto mixed = [](const Input& x, std::int64_t layers, std::int64_t inner,
                        std::int64_t growth) {
    return dense_layers(x, layers, inner, growth,
                        [](std::int64_t channels) { return uniform({channels}, -0.5, 0.5); });
  };
  // Central differences of a large row would take minutes: two passes for each element tried.
  const auto row = [&](const std::string& name, std::vector<Input> all, json attrs = {},
                       const Tolerance& tolerance = {}) {
    return OpCase{name,           "dense_block",
                  std::move(all), std::move(attrs),
                  tolerance,      name.ends_with("large") ? 0 : kReluStep};
  };
  const Tolerance deep{.f32 = 8, .bf16 = 4};
  // A result that is rounded to bf16 may be on the other side of a kink, where the gradient is
  // another: in bf16 these rows find gross errors only.
  const Tolerance kinks{.f32 = 8, .bf16 = 64};
  return {
      row("dense_block_no_layer", mixed(uniform({2, 3, 3, 4}), 0, 4, 2)),
      row("dense_block_one_layer", mixed(uniform({2, 4, 3, 5}), 1, 6, 3), {}, kinks),
      row("dense_block", mixed(uniform({2, 5, 4, 4}), 3, 8, 2), {}, kinks),
      row("dense_block_whole_vectors", mixed(uniform({2, 4, 4, 16}), 2, 16, 8), {}, kinks),
      row("dense_block_options", mixed(uniform({2, 3, 5, 3}), 2, 4, 1),
          {{"momentum", 0.5}, {"epsilon", 0.125}}, kinks),
      row("dense_block_large", mixed(uniform({4, 20, 19, 24}), 2, 32, 8), {}, kinks),
      row("dense_block_inference", apart(uniform({2, 4, 4, 6}), 2, 8, 4), {{"training", false}},
          deep),
      row("dense_block_inference_large", mixed(uniform({4, 20, 19, 24}), 2, 32, 8),
          {{"training", false}}, kinks),
      row("dense_block_inference_epsilon", mixed(uniform({2, 3, 5, 3}), 2, 4, 1),
          {{"training", false}, {"epsilon", 0.125}}, kinks),
      row("dense_block_inference_kinks", mixed(uniform({2, 5, 4, 5}), 2, 6, 3),
          {{"training", false}}, kinks),
  };
}

}  // namespace osteon
