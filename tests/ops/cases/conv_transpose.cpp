// Rows of conv_transpose2d.
#include "tests/ops/cases/rows.h"

namespace osteon {

using nlohmann::json;

Rows conv_transpose2d_rows() {
  const auto row = [](const char* name, Shape x, Shape weight, const json& attrs) {
    return OpCase{std::string("conv_transpose2d") + name,
                  "conv_transpose2d",
                  {uniform(std::move(x)), uniform(std::move(weight))},
                  attrs};
  };
  Rows rows = {
      row("", {2, 3, 4, 3}, {3, 3, 3, 2}, {}),
      row("_1x1", {2, 3, 2, 4}, {4, 1, 1, 3}, {}),
      row("_2x2_stride_2", {2, 3, 4, 4}, {4, 2, 2, 3}, {{"stride", 2}}),
      row("_4x4_stride_2", {1, 3, 4, 3}, {3, 4, 4, 2}, {{"stride", 2}, {"padding", 1}}),
      row("_output_padding", {1, 4, 3, 3}, {3, 3, 3, 2},
          {{"stride", {2, 3}}, {"padding", 1}, {"output_padding", {1, 2}}}),
      row("_asymmetric", {1, 3, 4, 2}, {2, 3, 2, 3},
          {{"stride", {1, 2}}, {"padding", {0, 1, 1, 0}}}),
      row("_window_beyond_stride", {1, 3, 3, 2}, {2, 2, 2, 2}, {{"stride", 3}}),
      row("_dilated", {1, 3, 4, 2}, {2, 3, 3, 2}, {{"dilation", 2}, {"padding", 1}}),
      row("_groups", {2, 3, 3, 6}, {6, 3, 3, 2}, {{"groups", 3}, {"stride", 2}, {"padding", 1}}),
      row("_depthwise", {2, 4, 4, 5}, {5, 3, 3, 1}, {{"groups", 5}, {"padding", 1}}),
      row("_one_pixel", {1, 1, 1, 3}, {3, 4, 4, 2}, {{"stride", 2}, {"padding", 1}}),
      row("_winograd", {2, 9, 10, 32}, {32, 3, 3, 32}, {{"padding", 1}}),
      row("_large", {2, 14, 15, 24}, {24, 2, 2, 16}, {{"stride", 2}}),
  };
  rows.push_back({"conv_transpose2d_bias",
                  "conv_transpose2d",
                  {uniform({2, 3, 3, 4}), uniform({4, 2, 2, 3}), uniform({3})},
                  {{"stride", 2}}});
  rows.push_back(
      {"conv_transpose2d_parameters",
       "conv_transpose2d",
       {uniform({2, 3, 3, 4}), uniform({4, 2, 2, 3}).parameter(), uniform({3}).parameter()},
       {{"stride", 2}}});
  return rows;
}

}  // namespace osteon
