// Rows of reductions.
#include "tests/ops/cases/rows.h"

namespace osteon {

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

}  // namespace osteon
