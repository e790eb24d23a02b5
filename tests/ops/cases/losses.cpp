// Rows of softmax and the losses.
#include "tests/ops/cases/rows.h"

namespace osteon {

namespace {

// Weights, smoothing and ignored samples, alone and together.
Rows cross_entropy_rows() {
  const std::string op = "cross_entropy";
  const Input logits = uniform({5, 4}, -3, 3), targets = classes({5}, 4);
  const Input weight = uniform({4}, 0.25, 2).parameter().constant();
  const Input ignored = listed_i64({5}, {1, -100, 3, 3, -100});
  return {
      {op + "_weight", op, {logits, targets, weight}},
      {op + "_weight_of_zero",
       op,
       {logits, listed_i64({5}, {0, 1, 2, 3, 1}),
        listed({4}, {1, 0, 2, 0.5}).parameter().constant()}},
      {op + "_smoothing", op, {logits, targets}, {{"label_smoothing", 0.1}}},
      {op + "_smoothing_only", op, {logits, targets}, {{"label_smoothing", 1}}},
      {op + "_weight_and_smoothing", op, {logits, targets, weight}, {{"label_smoothing", 0.25}}},
      {op + "_ignored", op, {logits, ignored}},
      {op + "_ignored_first", op, {logits, listed_i64({5}, {-100, 1, 2, 3, 1})}},
      {op + "_ignored_class", op, {logits, targets}, {{"ignore_index", 2}}},
      {op + "_all_options",
       op,
       {logits, ignored, weight},
       {{"label_smoothing", 0.2}, {"ignore_index", -100}}},
      {op + "_smoothing_extreme",
       op,
       {listed({2, 3}, {1e4, -1e4, 0, 1000, 999, -1e4}), listed_i64({2}, {1, 1})},
       {{"label_smoothing", 0.1}},
       {},
       1e-3},
      {op + "_all_options_large",
       op,
       {uniform({500, 200}, -3, 3), classes({500}, 200),
        uniform({200}, 0.25, 2).parameter().constant()},
       {{"label_smoothing", 0.1}, {"ignore_index", 7}}},
  };
}

Rows difference_rows() {
  const std::string focal = "focal_loss", mse = "mse_loss", l1 = "smooth_l1_loss";
  const auto either = [](Shape shape) { return integers(std::move(shape), 0, 2).constant(); };
  return {
      {focal, focal, {uniform({3, 4}, -4, 4), either({3, 4})}},
      {focal + "_parameters",
       focal,
       {uniform({9}, -4, 4), either({9})},
       {{"alpha", 0.75}, {"gamma", 1.5}}},
      {focal + "_without_alpha", focal, {uniform({9}, -4, 4), either({9})}, {{"alpha", -1}}},
      {focal + "_without_gamma", focal, {uniform({9}, -4, 4), either({9})}, {{"gamma", 0}}},
      {focal + "_soft_targets", focal, {uniform({3, 4}, -4, 4), uniform({3, 4}, 0, 1).constant()}},
      {focal + "_extreme",
       focal,
       {listed({6}, {-1e4, -1e4, -40, 40, 1e4, 1e4}), listed({6}, {0, 1, 1, 0, 0, 1}).constant()},
       {},
       {},
       1e-3},
      {focal + "_large", focal, {uniform({300, 200}, -4, 4), either({300, 200})}},
      {mse, mse, {uniform({3, 4}), uniform({3, 4})}},
      {mse + "_constant_target", mse, {uniform({7}), uniform({7}).constant()}},
      {mse + "_large", mse, {uniform({300, 200}), uniform({300, 200})}},
      {l1, l1, {spread({3, 8}, -4, 4), uniform({3, 8}, -0.05, 0.05)}},
      {l1 + "_beta", l1, {spread({3, 8}, -4, 4), uniform({3, 8}, -0.05, 0.05)}, {{"beta", 0.5}}},
      {l1 + "_without_beta",
       l1,
       {away_from_zero({9}, 0.5, 2), uniform({9}, -0.25, 0.25)},
       {{"beta", 0}}},
      {l1 + "_at_kinks",
       l1,
       {listed({5}, {-2, -1, 0, 1, 2}), listed({5}, {0, 0, 0, 0, 1})},
       {},
       {},
       0},
      {l1 + "_without_beta_at_zero",
       l1,
       {listed({3}, {-1, 0, 1}), listed({3}, {0, 0, 0})},
       {{"beta", 0}},
       {},
       0},
      {l1 + "_large", l1, {spread({300, 200}, -4, 4), uniform({300, 200})}},
  };
}

}  // namespace

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
  append(rows, cross_entropy_rows());
  append(rows, difference_rows());
  return rows;
}

}  // namespace osteon
