// Rows of elementwise ops.
#include <limits>

#include "tests/ops/cases/rows.h"

namespace osteon {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

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

// Functions of one operand and their interesting range.
Rows function_rows() {
  struct Function {
    std::string op;
    double low, high;
  };
  Rows rows;
  for (const auto& [op, low, high] : {Function{"sqrt", 0.25, 4},
                                      {"rsqrt", 0.25, 4},
                                      {"exp", -3, 3},
                                      {"expm1", -3, 3},
                                      {"log", 0.25, 4},
                                      {"log1p", -0.75, 3},
                                      {"sin", -7, 7},
                                      {"cos", -7, 7},
                                      {"erf", -3, 3},
                                      {"tanh", -3, 3},
                                      {"silu", -6, 6},
                                      {"gelu", -4, 4},
                                      {"gelu_tanh", -4, 4},
                                      {"softplus", -6, 6}})
    append(rows, {
                     {op, op, {uniform({2, 3, 2, 3}, low, high)}},
                     {op + "_scalar", op, {uniform({}, 0.25, 1)}},
                     {op + "_large", op, {uniform({300, 171}, low, high)}},
                 });
  // Results and gradients that are all small, and arguments at which a formula could overflow.
  append(
      rows,
      {
          {"exp_of_large_numbers", "exp", {listed({4}, {60, -60, 80, 85})}, {}, {}, 0},
          {"exp_small", "exp", {listed({4}, {-80, -81, -85.5, -87})}, {}, {}, 0},
          {"expm1_small", "expm1", {listed({4}, {-1e-4, 1e-5, 1e-10, 3e-4})}, {}, {}, 0},
          {"expm1_saturated", "expm1", {listed({4}, {-700, -100, -20, -5})}, {}, {}, 0},
          {"log_near_one", "log", {listed({4}, {0.9998, 1, 1.0001, 1.001})}, {}, {}, 0},
          {"log_of_extremes", "log", {listed({4}, {1e-30, 1e-5, 1e5, 1e30})}, {}, {}, 0},
          {"log1p_small", "log1p", {listed({4}, {-1e-4, 1e-5, 1e-10, 3e-4})}, {}, {}, 0},
          {"rsqrt_of_extremes", "rsqrt", {listed({3}, {1e-6, 1, 1e30})}, {}, {}, 0},
          {"tanh_saturated", "tanh", {listed({7}, {-1000, -50, -9, 0.25, 9, 50, 1000})}, {}, {}, 0},
          {"tanh_small", "tanh", {listed({4}, {-1e-3, -1e-8, 1e-5, 1e-3})}, {}, {}, 0},
          {"erf_saturated", "erf", {listed({6}, {-1000, -6, -3.5, 3.5, 6, 1000})}, {}, {}, 0},
          {"erf_small", "erf", {listed({4}, {-1e-3, -1e-8, 1e-5, 1e-3})}, {}, {}, 0},
          {"silu_saturated", "silu", {listed({6}, {-1000, -80, -20, 20, 80, 1000})}},
          {"silu_at_zero", "silu", {listed({3}, {-1e-3, 0, 1e-3})}},
          {"gelu_saturated", "gelu", {listed({6}, {-1000, -20, -5, 5, 20, 1000})}},
          {"gelu_tanh_saturated", "gelu_tanh", {listed({6}, {-1000, -20, -5, 5, 20, 1000})}},
          {"softplus_saturated", "softplus", {listed({6}, {-1000, -80, -19, 19, 30, 1000})}},
          {"softplus_small", "softplus", {listed({3}, {-50, -52, -60})}, {}, {}, 0},
          {"softplus_scaled",
           "softplus",
           {uniform({4, 6}, -3, 3)},
           {{"beta", 2.5}, {"threshold", 40}}},
          {"softplus_negative_beta", "softplus", {uniform({4, 6}, -3, 3)}, {{"beta", -1.5}}},
          {"softplus_threshold",
           "softplus",
           {listed({6}, {-2, 0.5, 1, 1.25, 2, 6})},
           {{"beta", 2}, {"threshold", 2}},
           {},
           0},
      });
  return rows;
}

// Functions in pieces: away from the kinks, and at them.
Rows piecewise_rows() {
  return {
      {"abs", "abs", {away_from_zero({2, 3, 2, 3})}},
      {"abs_at_zero", "abs", {listed({5}, {-1, -0.0, 0, 1, 0})}, {}, {}, 0},
      {"abs_large", "abs", {away_from_zero({300, 171})}},
      {"sign", "sign", {away_from_zero({2, 3, 2, 3})}},
      {"sign_at_zero", "sign", {listed({5}, {-2, -0.0, 0, 1e-30, 3})}, {}, {}, 0},
      {"sign_large", "sign", {away_from_zero({300, 171})}},
      {"relu6", "relu6", {spread({4, 6}, -3, 9)}},
      {"relu6_at_bounds", "relu6", {listed({5}, {-1, 0, 3, 6, 7})}, {}, {}, 0},
      {"leaky_relu", "leaky_relu", {away_from_zero({2, 3, 2, 3})}},
      {"leaky_relu_slope", "leaky_relu", {away_from_zero({7})}, {{"negative_slope", 0.25}}},
      {"leaky_relu_at_zero",
       "leaky_relu",
       {listed({3}, {-1, 0, 1})},
       {{"negative_slope", 0.25}},
       {},
       0},
      {"leaky_relu_large", "leaky_relu", {away_from_zero({300, 171})}},
      {"elu", "elu", {away_from_zero({2, 3, 2, 3})}},
      {"elu_alpha", "elu", {away_from_zero({2, 9}, 0.125, 5)}, {{"alpha", 1.5}}},
      {"elu_at_zero", "elu", {listed({3}, {-1, 0, 1})}, {{"alpha", 0.5}}, {}, 0},
      {"elu_small", "elu", {listed({4}, {-1e-4, -1e-6, 1e-9, 1e-4})}, {}, {}, 0},
      {"elu_saturated", "elu", {listed({4}, {-1000, -90, 90, 1000})}},
      {"elu_large", "elu", {away_from_zero({300, 171}, 0.125, 5)}},
      {"hardsigmoid", "hardsigmoid", {spread({4, 6}, -5, 5)}},
      {"hardsigmoid_at_bounds", "hardsigmoid", {listed({5}, {-4, -3, 0, 3, 4})}, {}, {}, 0},
      {"hardsigmoid_large", "hardsigmoid", {spread({300, 171}, -5, 5)}},
      {"hardswish", "hardswish", {spread({4, 6}, -5, 5)}},
      {"hardswish_at_bounds", "hardswish", {listed({5}, {-4, -3, 0, 3, 4})}, {}, {}, 0},
      {"hardswish_large", "hardswish", {spread({300, 171}, -5, 5)}},
  };
}

Rows maximum_rows() {
  Rows rows;
  for (const std::string op : {"maximum", "minimum"})
    append(rows,
           {
               {op, op, {uniform({2, 3, 4}), uniform({2, 3, 4})}},
               {op + "_row", op, {uniform({2, 3, 4}), uniform({4})}},
               {op + "_both_ways", op, {uniform({3, 1}), uniform({1, 4})}},
               {op + "_scalar_left", op, {uniform({}), uniform({2, 3})}},
               {op + "_ties", op, {integers({4, 6}, 0, 3), integers({4, 6}, 0, 3)}, {}, {}, 0},
               {op + "_of_zeros",
                op,
                {listed({3}, {0, -0.0, 0}), listed({3}, {-0.0, 0, 0})},
                {},
                {},
                0},
               {op + "_large", op, {uniform({300, 171}), uniform({300, 171})}},
               {op + "_large_column", op, {uniform({300, 1}), uniform({300, 171})}},
           });
  return rows;
}

}  // namespace

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
  append(rows, function_rows());
  append(rows, piecewise_rows());
  append(rows, maximum_rows());
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
  append(rows, {
                   {"cast_of_bytes", "cast", {pixels({3, 4})}, {{"dtype", "f32"}}, {}, 0},
                   {"cast_of_classes", "cast", {classes({3, 4}, 9)}, {{"dtype", "f32"}}, {}, 0},
                   {"cast_of_bytes_to_i64", "cast", {pixels({3, 4})}, {{"dtype", "i64"}}, {}, 0},
                   {"cast_to_i64",
                    "cast",
                    {listed({6}, {-2.5, -0.5, 0, 0.75, 1.5, 127}).constant()},
                    {{"dtype", "i64"}},
                    {},
                    0},
                   {"cast_to_u8",
                    "cast",
                    {listed({5}, {0, 0.75, 1.5, 127, 255}).constant()},
                    {{"dtype", "u8"}},
                    {},
                    0},
                   {"cast_to_u8_large",
                    "cast",
                    {uniform({300, 700}, 0, 255).constant()},
                    {{"dtype", "u8"}},
                    {},
                    0},
               });
  rows.push_back({"cast_large", "cast", {uniform({300, 700})}, {{"dtype", "f32"}}, {}, 0});
  return rows;
}

}  // namespace osteon
