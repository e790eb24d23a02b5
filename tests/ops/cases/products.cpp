// Rows of linear and matmul.
#include "tests/ops/cases/rows.h"

namespace osteon {

using nlohmann::json;

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
      append(
          rows,
          {
              {name, "matmul", {uniform({a0, a1}), uniform({b0, b1})}, attrs},
              {name + "_batched", "matmul", {uniform({2, a0, a1}), uniform({2, b0, b1})}, attrs},
              {name + "_one_a", "matmul", {uniform({a0, a1}), uniform({2, 3, b0, b1})}, attrs},
              {name + "_one_b", "matmul", {uniform({2, 3, a0, a1}), uniform({1, b0, b1})}, attrs},
              {name + "_crossed", "matmul", {uniform({2, 1, a0, a1}), uniform({3, b0, b1})}, attrs},
              {name + "_large",
               "matmul",
               {uniform({3, large_a0, large_a1}), uniform({3, large_b0, large_b1})},
               attrs},
              // A single product may use the kernels of convolutions.
              {name + "_single_large",
               "matmul",
               {uniform({large_a0, large_a1}), uniform({large_b0, large_b1})},
               attrs},
          });
    }
  append(rows, {
                   {"matmul_4d", "matmul", {uniform({2, 3, 2, 4}), uniform({2, 3, 4, 3})}},
                   {"matmul_two_single", "matmul", {uniform({1, 4, 3}), uniform({3, 2})}},
                   {"matmul_large_one_a", "matmul", {uniform({50, 40}), uniform({20, 40, 33})}},
                   {"matmul_large_one_b", "matmul", {uniform({20, 33, 40}), uniform({40, 50})}},
                   {"matmul_row_by_column", "matmul", {uniform({1, 7}), uniform({7, 1})}},
                   {"matmul_column_by_row", "matmul", {uniform({4, 1}), uniform({1, 3})}},
               });
  return rows;
}

Rows attention_rows() {
  const std::string op = "scaled_dot_product_attention";
  const auto inputs = [](const Shape& query, std::int64_t keys) -> std::vector<Input> {
    const Shape key{query[0], keys, query[2], query[3]};
    return {uniform(query, -2, 2), uniform(key, -2, 2), uniform(key)};
  };
  return {
      {"attention", op, inputs({2, 5, 3, 4}, 5)},
      {"attention_other_keys", op, inputs({2, 3, 2, 4}, 7)},
      // All weights are 1, so nothing depends on query and key.
      {"attention_one_key",
       op,
       {uniform({1, 3, 2, 4}, -2, 2).constant(), uniform({1, 1, 2, 4}, -2, 2).constant(),
        uniform({1, 1, 2, 4})}},
      {"attention_one_query", op, inputs({2, 1, 2, 8}, 6)},
      // Scores of up to 70: their absolute errors are the relative errors of the weights.
      {"attention_sharp",
       op,
       {uniform({1, 4, 1, 8}, -5, 5), uniform({1, 6, 1, 8}, -5, 5), uniform({1, 6, 1, 8})},
       {},
       {.f32 = 10}},
      // Several blocks of queries and of keys, the last ones incomplete.
      {"attention_large", op, inputs({2, 130, 2, 24}, 530), {}, {}, 0},
  };
}

}  // namespace osteon
