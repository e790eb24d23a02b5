// Rows of ops that move elements.
#include "tests/ops/cases/rows.h"

namespace osteon {

namespace {

OpCase select(const std::string& name, const Input& x, const Input& indices) {
  return {"index_select_" + name, "index_select", {x, indices}, {}, {}, 0};
}

}  // namespace

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

}  // namespace osteon
