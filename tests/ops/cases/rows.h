// The rows of the op table, one function per group of ops. A row's name is unique and describes the
// special property of the case; the inputs are drawn from the name.
#pragma once

#include <vector>

#include "tests/ops/op_cases.h"

namespace osteon {

using Rows = std::vector<OpCase>;

Rows conv2d_rows();
Rows conv2d_add_activation_rows();
Rows batch_norm_rows();
Rows layer_norm_rows();
Rows dense_block_rows();
Rows pool2d_rows();
Rows product_rows();
Rows attention_rows();
Rows elementwise_rows();
Rows reduction_rows();
Rows shape_rows();
Rows index_rows();
Rows loss_rows();
Rows dropout_rows();
Rows warp_rows();
Rows upsample_rows();
Rows conv_transpose2d_rows();

inline void append(Rows& rows, const Rows& more) {
  rows.insert(rows.end(), more.begin(), more.end());
}

}  // namespace osteon
