// The rule, and the number of terms in the sums of each op.
#include "tests/ops/op_tolerance.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

namespace osteon {
namespace {

// The terms of the output, then of the gradient of each input. Entries are missing for results
// without sums or with sums in double on every back end: reductions, losses, gradients of
// broadcasting.
using Terms = std::vector<std::int64_t>;
using TermsOf = std::function<Terms(const OpCase& row, const Shape& y)>;

const Shape& shape_of(const OpCase& row, std::size_t input) { return row.inputs[input].shape; }

// The number of elements without the last dimension.
std::int64_t rows_of(const Shape& shape) { return shape.numel() / shape[-1]; }

Terms conv2d_terms(const OpCase& row, const Shape& y) {
  const Shape& weight = shape_of(row, 1);
  const std::int64_t window = weight[1] * weight[2];
  const std::int64_t filters = weight[0] / row.attrs.value("groups", std::int64_t{1});
  return {window * weight[3], window * filters, rows_of(y), rows_of(y)};
}

Terms conv_transpose2d_terms(const OpCase& row, const Shape&) {
  const Shape &x = shape_of(row, 0), &weight = shape_of(row, 1);
  const std::int64_t window = weight[1] * weight[2];
  const std::int64_t channels = x[3] / row.attrs.value("groups", std::int64_t{1});
  return {window * channels, window * weight[3], rows_of(x)};
}

// The widest windows of either direction: with both, an entry is a sum over a whole image at most.
Terms resampling_terms(const OpCase& row, const Shape& y) {
  const Shape& x = shape_of(row, 0);
  return {x[1] + x[2], y[1] + y[2]};
}

Terms linear_terms(const OpCase& row, const Shape& y) {
  const Shape& weight = shape_of(row, 1);
  return {weight[1], weight[0], y.numel() / weight[0], y.numel() / weight[0]};
}

Terms matmul_terms(const OpCase& row, const Shape& y) {
  const Shape &a = shape_of(row, 0), &b = shape_of(row, 1);
  const std::int64_t inner = a[row.attrs.value("transpose_a", false) ? -2 : -1];
  return {inner, y.numel() * inner / a.numel(), y.numel() * inner / b.numel()};
}

// At most all indices along the dimension are equal.
std::int64_t equal_indices(const OpCase& row) {
  const Shape& indices = shape_of(row, 1);
  return indices[indices.rank() == 1 ? 0 : row.attrs.value("dim", std::int64_t{0})];
}

Terms batch_norm_terms(const OpCase& row, const Shape& y) {
  const std::int64_t rows = rows_of(y), mean = row.attrs.value("training", true) ? rows : 1;
  return {mean, mean, rows, rows};
}

// The longest sums: over the pixels in the statistics and filter gradients, over a filter's window
// otherwise.
Terms dense_block_terms(const OpCase& row, const Shape& y) {
  const std::int64_t window = row.inputs.size() > 1 ? 9 * shape_of(row, 5)[0] : 1;
  return Terms(row.inputs.size() + 1, std::max(rows_of(y), window));
}

Terms layer_norm_terms(const OpCase& row, const Shape& y) {
  const std::int64_t normalised =
      row.op == "group_norm" ? y.numel() / y[0] / row.attrs["groups"].get<std::int64_t>() : y[-1];
  return {normalised, normalised};
}

// A score, then a weighted sum over the keys; the gradients of key and value sum over the queries.
Terms attention_terms(const OpCase& row, const Shape& y) {
  const std::int64_t queries = y[1], keys = shape_of(row, 1)[1], width = y[-1];
  return {width + keys, width + keys, width + queries, width + queries};
}

// An input pixel is in at most as many windows as a window has positions.
std::int64_t window_of(const OpCase& row) {
  const auto found = row.attrs.find("kernel_size");
  if (found == row.attrs.end()) return 2 * 2;
  if (found->is_array()) return found->at(0).get<std::int64_t>() * found->at(1).get<std::int64_t>();
  return found->get<std::int64_t>() * found->get<std::int64_t>();
}

Terms softmax_terms(const OpCase& row, const Shape&) {
  const std::int64_t classes = shape_of(row, 0)[-1];
  return {classes, classes};
}

const std::map<std::string, TermsOf>& terms_of_ops() {
  static const std::map<std::string, TermsOf> table = {
      {"conv2d", conv2d_terms},
      {"conv2d_add_activation", conv2d_terms},
      {"linear", linear_terms},
      {"matmul", matmul_terms},
      {"batch_norm", batch_norm_terms},
      {"conv_transpose2d", conv_transpose2d_terms},
      {"upsample", resampling_terms},
      {"adaptive_avg_pool2d", resampling_terms},
      {"dense_block", dense_block_terms},
      {"layer_norm", layer_norm_terms},
      {"group_norm", layer_norm_terms},
      {"standardised", layer_norm_terms},
      {"scaled_dot_product_attention", attention_terms},
      {"max_pool2d",
       [](const OpCase& row, const Shape&) {
         return Terms{1, window_of(row)};
       }},
      {"avg_pool2d",
       [](const OpCase& row, const Shape&) {
         return Terms{window_of(row), window_of(row)};
       }},
      {"index_select",
       [](const OpCase& row, const Shape&) {
         return Terms{1, equal_indices(row)};
       }},
      {"gather",
       [](const OpCase& row, const Shape&) {
         return Terms{1, equal_indices(row)};
       }},
      {"scatter_add",
       [](const OpCase& row, const Shape&) { return Terms{1 + equal_indices(row)}; }},
      {"softmax", softmax_terms},
      {"log_softmax", softmax_terms},
      {"cross_entropy",
       [](const OpCase& row, const Shape&) {
         const std::int64_t classes = shape_of(row, 0)[-1];
         return Terms{row.attrs.contains("label_smoothing") ? classes : 1, classes};
       }},
      {"warp_affine", [](const OpCase&, const Shape&) { return Terms{4}; }},
  };
  return table;
}

}  // namespace

std::int64_t terms(const OpCase& row, const Results& results, std::size_t i) {
  const auto found = terms_of_ops().find(row.op);
  if (found == terms_of_ops().end()) return 1;
  const Terms all = found->second(row, results.front().second.shape());
  const std::string& name = results[i].first;
  // An updated input has the sums of the output.
  const std::size_t at = name.starts_with("gradient")
                             ? 1 + std::stoul(name.substr(std::string("gradient").size()))
                             : 0;
  return at < all.size() ? all[at] : 1;
}

double tolerance(const OpCase& row, const Results& results, std::size_t i, DType dtype) {
  const auto n = static_cast<double>(terms(row, results, i));
  const double f32 = (8 + std::sqrt(n)) * 0x1p-24 * row.tolerance.f32;
  return dtype == DType::f32 ? f32 : 5 * 0x1p-9 * row.tolerance.bf16 + f32;
}

}  // namespace osteon
