// Rows of softmax and the losses.
#include "tests/ops/cases/rows.h"

namespace osteon {

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

}  // namespace osteon
