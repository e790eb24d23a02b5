// Rows of reductions.
#include "tests/ops/cases/rows.h"

namespace osteon {

namespace {

using Dims = std::vector<std::int64_t>;

Rows spread_rows() {
  Rows rows;
  for (const std::string op : {"var", "std"})
    append(
        rows,
        {
            {op, op, {uniform({3, 4, 5})}},
            {op + "_last", op, {uniform({3, 4, 5})}, {{"dims", Dims{-1}}}},
            {op + "_first_keepdim", op, {uniform({3, 4})}, {{"dims", Dims{0}}, {"keepdim", true}}},
            {op + "_biased", op, {uniform({2, 3, 4})}, {{"dims", Dims{0, 2}}, {"correction", 0}}},
            // x - mean has the rounding error of the mean, which is 100 times as large.
            {op + "_far_from_zero",
             op,
             {uniform({4, 9}, 99, 101)},
             {{"dims", Dims{1}}},
             {.f32 = 8}},
            {op + "_of_equal_numbers",
             op,
             {listed({2, 2}, {3, 3, -1, -1})},
             {{"dims", Dims{1}}},
             {},
             0},
            {op + "_large", op, {uniform({400, 301})}, {{"dims", Dims{0}}}},
        });
  return rows;
}

Rows logsumexp_rows() {
  const std::string op = "logsumexp";
  return {
      {op, op, {uniform({3, 4, 5})}},
      {op + "_last", op, {uniform({3, 4, 5}, -4, 4)}, {{"dims", Dims{-1}}}},
      {op + "_ends_keepdim", op, {uniform({3, 4, 5})}, {{"dims", Dims{0, 2}}, {"keepdim", true}}},
      {op + "_of_large_numbers",
       op,
       {listed({3, 2}, {1e4, 1e4, -1e4, -10001, 1e4, 0})},
       {{"dims", Dims{1}}},
       {},
       0},
      {op + "_ties", op, {integers({4, 6}, 0, 2)}, {{"dims", Dims{1}}}},
      {op + "_large", op, {uniform({400, 301}, -4, 4)}, {{"dims", Dims{1}}}},
  };
}

// Bytes, most of them 0 or most of them not.
Rows truth_rows() {
  const auto bytes = [](Shape shape, double low) {
    Input input = integers(std::move(shape), low, 2).constant();
    input.type = Input::Type::u8;
    return input;
  };
  Rows rows;
  for (const std::string op : {"any", "all"})
    append(rows, {
                     {op, op, {bytes({3, 4}, 0)}, {}, {}, 0},
                     {op + "_last", op, {bytes({9, 3}, 0)}, {{"dims", Dims{-1}}}, {}, 0},
                     {op + "_of_ones", op, {bytes({9, 3}, 1)}, {}, {}, 0},
                     {op + "_of_zeros",
                      op,
                      {[] {
                        Input input = listed({2, 2}, {0, 0, 0, 0}).constant();
                        input.type = Input::Type::u8;
                        return input;
                      }()},
                      {{"dims", Dims{0}}, {"keepdim", true}},
                      {},
                      0},
                     {op + "_of_pixels", op, {pixels({40, 3})}, {{"dims", Dims{1}}}, {}, 0},
                     {op + "_large", op, {bytes({3, 20000}, 0)}, {{"dims", Dims{1}}}, {}, 0},
                 });
  return rows;
}

Rows position_rows() {
  Rows rows;
  for (const std::string op : {"argmax", "argmin"})
    append(rows, {
                     {op, op, {spread({3, 4, 5}).constant()}, {}, {}, 0},
                     {op + "_first", op, {spread({3, 4, 5}).constant()}, {{"dim", 0}}, {}, 0},
                     {op + "_middle_keepdim",
                      op,
                      {spread({3, 4, 5}).constant()},
                      {{"dim", -2}, {"keepdim", true}},
                      {},
                      0},
                     {op + "_ties", op, {integers({6, 9}, 0, 3).constant()}, {}, {}, 0},
                     {op + "_one_element", op, {spread({3, 1}).constant()}, {}, {}, 0},
                     {op + "_large", op, {integers({301, 400}, 0, 100).constant()}, {}, {}, 0},
                     {op + "_long_rows", op, {integers({2, 20001}, 0, 999).constant()}, {}, {}, 0},
                 });
  append(rows,
         {
             {"topk", "topk", {spread({3, 4, 7})}, {{"k", 3}}},
             {"topk_all", "topk", {spread({5, 6})}, {{"k", 6}}},
             {"topk_none", "topk", {spread({5, 6})}, {{"k", 0}}, {}, 0},
             {"topk_vector", "topk", {spread({9})}, {{"k", 2}}},
             {"topk_ties", "topk", {integers({6, 9}, 0, 3)}, {{"k", 4}}, {}, 0},
             {"topk_large", "topk", {spread({301, 400}, -1000, 1000)}, {{"k", 5}}},
             {"topk_indices", "topk_indices", {spread({3, 4, 7}).constant()}, {{"k", 3}}, {}, 0},
             {"topk_indices_ties",
              "topk_indices",
              {integers({6, 9}, 0, 3).constant()},
              {{"k", 9}},
              {},
              0},
             {"topk_indices_large",
              "topk_indices",
              {integers({301, 400}, 0, 100).constant()},
              {{"k", 5}},
              {},
              0},
         });
  return rows;
}

}  // namespace

Rows reduction_rows() {
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
  append(rows, spread_rows());
  append(rows, logsumexp_rows());
  append(rows, truth_rows());
  append(rows, position_rows());
  return rows;
}

}  // namespace osteon
