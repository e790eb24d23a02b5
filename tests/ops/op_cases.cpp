// The table: the rows of all groups.
#include "tests/ops/op_cases.h"

#include "tests/ops/cases/rows.h"

namespace osteon {

const std::vector<OpCase>& op_cases() {
  static const Rows rows = [] {
    Rows all;
    for (const auto& group :
         {conv2d_rows, conv2d_add_activation_rows, batch_norm_rows, layer_norm_rows,
          dense_block_rows, pool2d_rows, product_rows, attention_rows, elementwise_rows,
          reduction_rows, shape_rows, index_rows, loss_rows, dropout_rows, warp_rows, upsample_rows,
          conv_transpose2d_rows})
      append(all, group());
    for (OpCase& row : all)
      if (row.attrs.is_null()) row.attrs = nlohmann::json::object();  // {} in a row
    return all;
  }();
  return rows;
}

}  // namespace osteon
