// Rows of ops with indices.
#include "tests/ops/cases/rows.h"

namespace osteon {

namespace {

// Without a gradient, because x is a constant.
OpCase select(const std::string& name, const Input& x, const Input& indices) {
  return {"index_select_" + name, "index_select", {x, indices}, {}, {}, 0};
}

}  // namespace

Rows index_rows() {
  return {
      select("some", uniform({5, 3}).constant(), listed_i64({4}, {3, 0, 0, 4})),
      select("vector", uniform({7}).constant(), listed_i64({3}, {6, 0, 6})),
      select("aligned", uniform({6, 64}).constant(), classes({9}, 6)),
      select("pixels", pixels({3, 5, 3, 1}), listed_i64({2}, {2, 1})),
      select("none", uniform({4, 3}).constant(), listed_i64({0}, {})),
      {"index_select_gradient",
       "index_select",
       {uniform({5, 3}), listed_i64({6}, {3, 0, 0, 4, 3, 3})}},
      {"index_select_middle",
       "index_select",
       {uniform({2, 4, 3}), listed_i64({5}, {3, 1, 1, 0, 3})},
       {{"dim", 1}}},
      {"index_select_last",
       "index_select",
       {uniform({2, 3, 4}), listed_i64({3}, {2, 0, 2})},
       {{"dim", -1}}},
      {"index_select_one_row", "index_select", {uniform({1, 3}), classes({40}, 1)}},
      {"index_select_no_indices",
       "index_select",
       {uniform({4, 3}), listed_i64({0}, {})},
       {},
       {},
       0},
      {"index_select_positions", "index_select", {uniform({50, 24}), classes({600}, 50)}},
      {"index_select_vocabulary", "index_select", {uniform({900, 40}), classes({300}, 900)}},
      {"index_select_large_middle",
       "index_select",
       {uniform({9, 60, 70}), classes({50}, 60)},
       {{"dim", 1}}},
      {"gather_first",
       "gather",
       {uniform({4, 3}), listed_i64({2, 3}, {0, 3, 1, 2, 3, 1})},
       {{"dim", 0}}},
      {"gather_last", "gather", {uniform({5, 7}), classes({5, 4}, 7)}, {{"dim", -1}}},
      {"gather_middle", "gather", {uniform({2, 5, 3}), classes({2, 8, 3}, 5)}, {{"dim", 1}}},
      {"gather_smaller", "gather", {uniform({4, 6, 5}), classes({3, 2, 4}, 6)}, {{"dim", 1}}},
      {"gather_1d", "gather", {uniform({6}), listed_i64({4}, {5, 0, 5, 5})}},
      {"gather_equal", "gather", {uniform({3, 2}), classes({90, 2}, 1)}},
      {"gather_large", "gather", {uniform({6, 90, 70}), classes({6, 60, 70}, 90)}, {{"dim", 1}}},
      {"scatter_add",
       "scatter_add",
       {uniform({4, 3}), listed_i64({2, 3}, {0, 3, 1, 0, 2, 1}), uniform({2, 3})}},
      {"scatter_add_last",
       "scatter_add",
       {uniform({3, 5}), classes({3, 8}, 5), uniform({3, 8})},
       {{"dim", -1}}},
      {"scatter_add_1d", "scatter_add", {uniform({4}), classes({9}, 4), uniform({9})}},
      {"scatter_add_nothing",
       "scatter_add",
       {uniform({3, 2}), classes({0, 2}, 3), uniform({0, 2}).constant()}},
      {"scatter_add_large",
       "scatter_add",
       {uniform({4, 80, 70}), classes({4, 90, 70}, 80), uniform({4, 90, 70})},
       {{"dim", 1}}},
      {"one_hot", "one_hot", {listed_i64({4}, {2, 0, 3, 2})}, {{"num_classes", 5}}, {}, 0},
      {"one_hot_2d", "one_hot", {classes({3, 2}, 4)}, {{"num_classes", 4}}, {}, 0},
  };
}

}  // namespace osteon
