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

}  // namespace osteon
