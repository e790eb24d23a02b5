// Rows of normalisation.
#include "tests/ops/cases/rows.h"

namespace osteon {

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

}  // namespace

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

}  // namespace osteon
