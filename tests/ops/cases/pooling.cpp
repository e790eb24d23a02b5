// Rows of pooling.
#include "tests/ops/cases/rows.h"

namespace osteon {

using nlohmann::json;

Rows pool2d_rows() {
  const json resnet = {{"kernel_size", 3}, {"stride", 2}, {"padding", 1}};
  Rows rows = {
      // Padding must not count as a 0 that is larger than negative elements.
      {"max_pool2d_negative", "max_pool2d", {spread({1, 4, 4, 2}, -3, -1)}, resnet},
      {"max_pool2d_ties", "max_pool2d", {integers({2, 6, 6, 2}, 0, 3)}, resnet, {}, 0},
      {"max_pool2d_255_places",
       "max_pool2d",
       {spread({1, 15, 17, 1})},
       {{"kernel_size", {15, 17}}, {"stride", 1}}},
  };
  for (const std::string op : {"max_pool2d", "avg_pool2d"})
    append(rows, {
                     {op, op, {spread({2, 4, 6, 3})}},
                     {op + "_resnet", op, {spread({2, 6, 6, 3})}, resnet},
                     {op + "_resnet_odd", op, {spread({2, 7, 5, 3})}, resnet},
                     {op + "_overlapping",
                      op,
                      {spread({1, 5, 6, 2})},
                      {{"kernel_size", 3}, {"stride", 1}, {"padding", 1}}},
                     {op + "_rows_unused", op, {spread({1, 5, 7, 2})}},
                     {op + "_stride_beyond_kernel",
                      op,
                      {spread({1, 8, 7, 2})},
                      {{"kernel_size", 2}, {"stride", 3}}},
                     {op + "_asymmetric",
                      op,
                      {spread({2, 6, 7, 2})},
                      {{"kernel_size", {3, 2}}, {"stride", {1, 2}}, {"padding", {1, 0}}}},
                     {op + "_1x1", op, {spread({1, 3, 3, 2})}, {{"kernel_size", 1}, {"stride", 1}}},
                     {op + "_whole_image",
                      op,
                      {spread({2, 3, 4, 2})},
                      {{"kernel_size", {3, 4}}, {"stride", 1}}},
                     {op + "_one_pixel", op, {spread({1, 1, 1, 3})}, resnet},
                     {op + "_odd_channels", op, {spread({1, 5, 5, 19})}, resnet},
                     {op + "_large", op, {spread({4, 40, 41, 24}, -200, 200)}, resnet},
                 });
  // The last rows and columns need ceil_mode; in "_dropped" the last window would start below the
  // image.
  for (const std::string op : {"max_pool2d", "avg_pool2d"})
    append(
        rows,
        {
            {op + "_same",
             op,
             {spread({2, 6, 8, 3})},
             {{"kernel_size", 3}, {"padding", {0, 1, 0, 1}}}},
            {op + "_each_side",
             op,
             {spread({1, 7, 6, 2})},
             {{"kernel_size", {4, 5}}, {"stride", {2, 1}}, {"padding", {2, 1, 0, 2}}}},
            {op + "_ceil", op, {spread({2, 6, 7, 3})}, {{"kernel_size", 3}, {"ceil_mode", true}}},
            {op + "_ceil_padded",
             op,
             {spread({1, 6, 9, 2})},
             {{"kernel_size", 3}, {"padding", 1}, {"ceil_mode", true}}},
            {op + "_ceil_dropped",
             op,
             {spread({1, 5, 4, 2})},
             {{"kernel_size", 2}, {"stride", {3, 4}}, {"padding", 1}, {"ceil_mode", true}}},
            {op + "_ceil_small_image",
             op,
             {spread({1, 2, 2, 2})},
             {{"kernel_size", 3}, {"ceil_mode", true}}},
        });
  append(
      rows,
      {
          {"avg_pool2d_pixels",
           "avg_pool2d",
           {spread({2, 6, 5, 3})},
           {{"kernel_size", 3}, {"padding", 1}, {"count_include_pad", false}}},
          {"avg_pool2d_pixels_each_side",
           "avg_pool2d",
           {spread({1, 6, 7, 2})},
           {{"kernel_size", 4}, {"padding", {0, 2, 1, 2}}, {"count_include_pad", false}}},
          {"avg_pool2d_pixels_ceil",
           "avg_pool2d",
           {spread({1, 6, 9, 2})},
           {{"kernel_size", 3}, {"padding", 1}, {"ceil_mode", true}, {"count_include_pad", false}}},
      });
  append(rows, {
                   {"adaptive_avg_pool2d",
                    "adaptive_avg_pool2d",
                    {uniform({2, 6, 8, 3})},
                    {{"output", {3, 2}}}},
                   {"adaptive_avg_pool2d_odd",
                    "adaptive_avg_pool2d",
                    {uniform({2, 7, 10, 3})},
                    {{"output", {3, 7}}}},
                   {"adaptive_avg_pool2d_larger",
                    "adaptive_avg_pool2d",
                    {uniform({1, 3, 2, 2})},
                    {{"output", {7, 5}}}},
                   {"adaptive_avg_pool2d_one",
                    "adaptive_avg_pool2d",
                    {uniform({2, 5, 3, 2})},
                    {{"output", 1}}},
                   {"global_avg_pool2d", "global_avg_pool2d", {uniform({2, 3, 4, 5})}},
                   {"global_avg_pool2d_one_pixel", "global_avg_pool2d", {uniform({3, 1, 1, 4})}},
                   {"global_avg_pool2d_one_image", "global_avg_pool2d", {uniform({1, 7, 7, 3})}},
                   {"global_avg_pool2d_large", "global_avg_pool2d", {uniform({8, 32, 32, 24})}},
               });
  return rows;
}

}  // namespace osteon
