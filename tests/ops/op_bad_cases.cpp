// Calls that must throw, one row each, with a part of the message. The rows for wrong dtypes,
// shapes and undefined inputs of elementwise ops come from the lists of functors.h.
#include <limits>

#include "ops/functors.h"
#include "tests/ops/op_cases.h"

namespace osteon {
namespace {

Input bytes(Shape shape) { return pixels(std::move(shape)); }
Input whole(Shape shape) { return classes(std::move(shape), 2); }

// A batch norm's inputs with one of them replaced.
std::vector<Input> normalised(std::size_t replaced, Input by) {
  std::vector<Input> inputs = {uniform({2, 3, 3, 4}),        uniform({4}).parameter(),
                               uniform({4}).parameter(),     uniform({4}).running(),
                               uniform({4}, 1, 2).running(), absent()};
  inputs[replaced] = std::move(by);
  return inputs;
}

std::vector<BadOpCase> convolutions() {
  const Input x = uniform({2, 5, 5, 4}), weight = uniform({6, 3, 3, 4});
  const std::string op = "conv2d";
  return {
      {op, {uniform({5, 5, 4}), weight}, {}, "conv2d: input [5,5,4]"},
      {op, {x, uniform({6, 4})}, {}, "conv2d: weight [6,4]"},
      {op, {x, uniform({6, 3, 3, 3})}, {}, "input has 4 channels but weight [6,3,3,3]"},
      {op, {x, weight}, {{"groups", 4}}, "6 filters do not divide into 4 groups"},
      {op, {x, weight}, {{"groups", 0}}, "0 groups"},
      {op, {x, weight}, {{"groups", 2}}, "with 2 groups expects 8"},
      {op, {x, weight}, {{"stride", 0}}, "stride"},
      {op, {x, weight}, {{"stride", {1, -1}}}, "stride"},
      {op, {x, weight}, {{"dilation", 0}}, "dilation"},
      {op, {x, weight}, {{"padding", -1}}, "padding"},
      {op, {x, weight}, {{"padding", {-1, 0, 0, 0}}}, "padding must not be negative; it is -1 at"},
      {op, {x, weight}, {{"padding", {0, -2, 0, 0}}}, "-2 at the bottom"},
      {op, {x, weight}, {{"padding", {0, 0, -3, 0}}}, "-3 on the left"},
      {op, {x, weight}, {{"padding", {0, 0, 0, -4}}}, "-4 on the right"},
      {op, {uniform({1, 2, 2, 4}), weight}, {}, "does not fit into input [1,2,2,4]"},
      {op, {x, weight}, {{"dilation", 3}}, "does not fit"},
      {op, {x, uniform({6, 0, 3, 4})}, {}, "empty window"},
      {op, {x, weight, uniform({5})}, {}, "bias [5]"},
      {op, {x, weight, uniform({6, 1})}, {}, "bias [6,1]"},
      {op, {bytes({2, 5, 5, 4}), weight}, {}, "input is u8"},
      {op, {bytes({2, 5, 5, 4}), bytes({6, 3, 3, 4})}, {}, "floating-point"},
      {op, {x.parameter(), weight}, {}, "input is f32 but weight is bf16", DType::bf16},
      {op, {x, weight.parameter(), uniform({6})}, {}, "bias [6] bf16", DType::bf16},
      {"conv2d_add_activation",
       {x, weight, absent(), uniform({2, 3, 3, 5})},
       {},
       "conv2d_add_activation: residual [2,3,3,5]"},
      {op, {absent(), weight}, {}, "undefined"},
      {op, {x, absent()}, {}, "undefined"},
  };
}

// A dense block of one layer, with tensor `replaced` of the layer replaced.
std::vector<Input> one_dense_layer(std::size_t replaced, Input by) {
  std::vector<Input> inputs = {uniform({2, 2, 2, 2})};
  for (int i = 0; i < 4; ++i) inputs.push_back(uniform({2}, 0.5, 1));
  inputs.push_back(uniform({4, 1, 1, 2}));
  for (int i = 0; i < 4; ++i) inputs.push_back(uniform({4}, 0.5, 1));
  inputs.push_back(uniform({2, 3, 3, 4}));
  inputs[1 + replaced] = std::move(by);
  return inputs;
}

std::vector<BadOpCase> normalisations() {
  const std::string op = "batch_norm";
  return {
      {op, normalised(0, uniform({4})), {}, "batch_norm: input [4]"},
      {op, normalised(0, bytes({2, 3, 3, 4})), {}, "batch_norm: input [2,3,3,4] u8"},
      {op, normalised(0, uniform({1, 1, 1, 4})), {}, "use a larger batch"},
      {op, normalised(0, uniform({0, 3, 3, 4})), {}, "use a larger batch"},
      {op, normalised(1, uniform({3})), {}, "batch_norm: weight is [3]"},
      {op, normalised(1, absent()), {}, "undefined"},
      {op, normalised(1, uniform({4})), {}, "weight is [4] bf16", DType::bf16},
      {op, normalised(2, uniform({4, 1})), {}, "batch_norm: bias is [4,1]"},
      {op, normalised(3, uniform({5})), {}, "batch_norm: running_mean is [5]"},
      {op, normalised(4, uniform({1})), {}, "batch_norm: running_var is [1]"},
      {op, normalised(5, uniform({2, 3, 3, 1})), {}, "batch_norm: residual [2,3,3,1]"},
      {op,
       normalised(5, uniform({2, 3, 3, 4})),
       {{"activation", "silu"}},
       "batch_norm: silu with a residual"},
      {op, normalised(5, absent()), {{"epsilon", 0}}, "epsilon"},
      {"dense_block", {uniform({2, 3, 4})}, {}, "dense_block: input [2,3,4] has rank 3"},
      {"dense_block", {uniform({1, 1, 1, 4})}, {}, "use a larger batch"},
      {"dense_block", {uniform({2, 2, 2, 0})}, {}, "dense_block: input [2,2,2,0] has no channels"},
      {"dense_block", {uniform({2, 2, 2, 4})}, {{"epsilon", 0}}, "epsilon is 0"},
      {"dense_block", one_dense_layer(1, uniform({3})), {}, "layer 0 norm1_bias has shape [3]"},
      {"dense_block",
       one_dense_layer(4, uniform({4, 1, 1, 3})),
       {},
       "layer 0 conv1_weight has shape [4,1,1,3], expects [4,1,1,2]"},
      {"dense_block",
       one_dense_layer(9, uniform({0, 3, 3, 4})),
       {},
       "layer 0 conv2_weight [0,3,3,4] has no filters"},
      {"dense_block",
       one_dense_layer(9, pixels({2, 3, 3, 4})),
       {},
       "input is f64 but layer 0 conv2_weight is u8"},
      {"layer_norm",
       {bytes({2, 3}), uniform({3}), uniform({3})},
       {},
       "layer_norm: input [2,3] is u8"},
      {"layer_norm", {uniform({}), uniform({1}), uniform({1})}, {}, "nothing to normalise"},
      {"layer_norm", {uniform({2, 3}), uniform({2}), uniform({3})}, {}, "weight has shape [2]"},
      {"layer_norm", {uniform({2, 3}), uniform({3}), absent()}, {}, "bias is undefined"},
      {"layer_norm",
       {uniform({2, 3}), uniform({3}), uniform({3})},
       {},
       "weight [3] is bf16",
       DType::bf16},
      {"layer_norm",
       {uniform({2, 3}), uniform({3}), uniform({3})},
       {{"epsilon", 0}},
       "epsilon is 0"},
      {"group_norm",
       {uniform({2, 3}), uniform({3}), uniform({3})},
       {},
       "group_norm: input [2,3] has"},
      {"group_norm",
       {uniform({1, 2, 2, 6}), uniform({6}), uniform({6})},
       {{"groups", 4}},
       "6 channels do not divide into 4 groups"},
      {"group_norm",
       {uniform({1, 2, 2, 6}), uniform({6}), uniform({6})},
       {{"groups", 0}},
       "0 groups"},
  };
}

std::vector<BadOpCase> pools() {
  std::vector<BadOpCase> rows = {
      {"global_avg_pool2d", {uniform({2, 3})}, {}, "global_avg_pool2d: input [2,3] has rank 2"},
      {"global_avg_pool2d", {uniform({2, 0, 3, 1})}, {}, "no pixels"},
      {"max_pool2d", {uniform({1, 20, 20, 1})}, {{"kernel_size", 16}}, "at most 255 positions"},
  };
  for (const std::string op : {"max_pool2d", "avg_pool2d"}) {
    const Input x = uniform({2, 6, 6, 3});
    rows.insert(rows.end(),
                {
                    {op, {uniform({6, 6, 3})}, {}, op + ": input [6,6,3] has rank 3"},
                    {op, {whole({2, 6, 6, 3})}, {}, op + ": input [2,6,6,3] is i64"},
                    {op, {x}, {{"kernel_size", 0}}, op + ": kernel_size 0"},
                    {op, {x}, {{"stride", {2, 0}}}, "stride 0 in width"},
                    {op, {x}, {{"padding", 2}}, op + ": padding 2"},
                    {op, {x}, {{"padding", -1}}, op + ": padding -1"},
                    {op, {x}, {{"padding", {0, 2, 0, 0}}}, op + ": padding 2 in height"},
                    {op, {x}, {{"padding", {0, 0, 0, -1}}}, ": padding -1 in width"},
                    {op,
                     {x},
                     {{"kernel_size", 9}, {"stride", 3}, {"ceil_mode", true}},
                     "smaller than kernel_size 9"},
                    {op, {x}, {{"kernel_size", 7}}, "smaller than kernel_size 7"},
                    {op, {uniform({1, 0, 3, 1})}, {}, op + ": input [1,0,3,1]"},
                });
  }
  return rows;
}

std::vector<BadOpCase> resampling() {
  const Input x = uniform({2, 5, 4, 3});
  const std::string up = "upsample", adaptive = "adaptive_avg_pool2d";
  return {
      {adaptive, {x}, {{"output", {0, 2}}}, "adaptive_avg_pool2d: from input [2,5,4,3] to 0 x 2"},
      {adaptive, {uniform({5, 4, 3})}, {}, "adaptive_avg_pool2d: input [5,4,3] has rank 3"},
      {up, {x}, {{"size", {3, 0}}}, "upsample: from input [2,5,4,3] to 3 x 0"},
      {up, {uniform({2, 0, 4, 3})}, {{"size", 2}}, "upsample: from input [2,0,4,3]"},
      {up, {whole({2, 5, 4, 3})}, {{"size", 2}}, "upsample: input [2,5,4,3] is i64"},
      {up, {x}, {{"size", 2}, {"align_corners", true}}, "no meaning for nearest"},
      {up, {x}, {{"size", 2}, {"antialias", true}}, "no meaning for nearest"},
  };
}

std::vector<BadOpCase> transposed_convolutions() {
  const Input x = uniform({2, 5, 5, 4}), weight = uniform({4, 3, 3, 6});
  const std::string op = "conv_transpose2d";
  return {
      {op, {uniform({5, 5, 4}), weight}, {}, op + ": input [5,5,4] has rank 3"},
      {op, {x, uniform({4, 6})}, {}, op + ": weight [4,6] has rank 2"},
      {op, {x, uniform({3, 3, 3, 6})}, {}, "input has 4 channels but weight [3,3,3,6] expects 3"},
      {op, {x, weight}, {{"groups", 3}}, "4 channels do not divide into 3 groups"},
      {op, {x, weight}, {{"groups", 0}}, "0 groups"},
      {op, {x, weight}, {{"stride", {1, 0}}}, "stride 0, dilation 1"},
      {op, {x, weight}, {{"dilation", 0}}, "dilation 0"},
      {op, {x, weight}, {{"padding", {0, 0, 0, -1}}}, "padding 0 and -1 in width"},
      {op, {x, weight}, {{"stride", 2}, {"output_padding", 2}}, "output_padding 2 in height"},
      {op, {x, weight}, {{"output_padding", {0, -1}}}, "output_padding -1 in width"},
      {op, {x, weight}, {{"padding", 4}}, "leave -1 pixels"},
      {op, {uniform({2, 0, 5, 4}), weight}, {}, "input of extent 0"},
      {op, {x, uniform({4, 3, 0, 6})}, {}, "a window of 0 in width"},
      {op, {x, weight, uniform({4})}, {}, op + ": bias has shape [4]"},
      {op, {bytes({2, 5, 5, 4}), weight}, {}, op + ": input [2,5,5,4] is u8"},
      {op, {x.parameter(), weight}, {}, "input is f32 but weight is bf16", DType::bf16},
      {op, {x, weight.parameter(), uniform({6})}, {}, "weight is f32 but bias", DType::bf16},
      {op, {x, absent()}, {}, op + ": weight is undefined"},
  };
}

std::vector<BadOpCase> products() {
  return {
      {"scaled_dot_product_attention",
       {uniform({2, 3, 4}), uniform({2, 3, 4}), uniform({2, 3, 4})},
       {},
       "query [2,3,4] has rank 3"},
      {"scaled_dot_product_attention",
       {uniform({2, 3, 2, 4}), uniform({2, 5, 2, 4}), uniform({2, 6, 2, 4})},
       {},
       "key [2,5,2,4] and value [2,6,2,4] differ"},
      {"scaled_dot_product_attention",
       {uniform({2, 3, 2, 4}), uniform({2, 3, 2, 5}), uniform({2, 3, 2, 5})},
       {},
       "must have equal extents except the second"},
      {"scaled_dot_product_attention",
       {uniform({2, 3, 2, 4}), uniform({2, 0, 2, 4}), uniform({2, 0, 2, 4})},
       {},
       "has no positions"},
      {"linear", {uniform({2, 5}), uniform({3, 4})}, {}, "linear: input [2,5]"},
      {"linear", {uniform({}), uniform({3, 4})}, {}, "linear: input []"},
      {"linear", {uniform({2, 4}), uniform({4})}, {}, "linear: weight [4] has rank 1"},
      {"linear",
       {uniform({2, 4}), uniform({3, 4}), uniform({4})},
       {},
       "linear: bias has shape [4]"},
      {"linear", {bytes({2, 4}), uniform({3, 4})}, {}, "linear: input [2,4] is u8"},
      {"linear", {uniform({2, 4}), uniform({3, 4}).parameter()}, {}, "weight is f32", DType::bf16},
      {"linear",
       {uniform({2, 4}), uniform({3, 4}), uniform({3}).parameter()},
       {},
       "bias is f32",
       DType::bf16},
      {"linear", {uniform({2, 4}), absent()}, {}, "linear: weight is undefined"},
      {"matmul", {uniform({2, 3}), uniform({4, 5})}, {}, "has 3 columns but b [4,5] has 4 rows"},
      {"matmul", {uniform({2, 3}), uniform({3, 5})}, {{"transpose_a", true}}, "a [2,3] transposed"},
      {"matmul", {uniform({2, 3}), uniform({3, 5})}, {{"transpose_b", true}}, "b [3,5] transposed"},
      {"matmul", {uniform({3}), uniform({3, 5})}, {}, "matmul: a [3]"},
      {"matmul", {uniform({2, 2, 3}), uniform({3, 3, 5})}, {}, "shapes [2] and [3] do not broadc"},
      {"matmul", {whole({2, 3}), whole({3, 5})}, {}, "matmul: a [2,3] is i64"},
      {"matmul", {uniform({2, 3}), uniform({3, 5}).parameter()}, {}, "b is f32", DType::bf16},
  };
}

// The parameters of the first row of an op, without those that take the place of an operand.
nlohmann::json valid_parameters(const std::string& op) {
  nlohmann::json attrs = nlohmann::json::object();
  for (const OpCase& row : op_cases())
    if (row.op == op) {
      attrs = row.attrs;
      break;
    }
  attrs.erase("left");
  attrs.erase("right");
  return attrs;
}

template <class Functor>
void add_rows_of(std::vector<BadOpCase>& rows) {
  using functors::kOperands, functors::kConditions;
  const std::string op = Functor::name;
  if constexpr (requires(const Functor& f) { f.left; }) {
    rows.push_back({op, {bytes({2})}, {{"left", 1}}, op + ": input [2] is u8"});
  } else if constexpr (requires(const Functor& f) { f.right; }) {
    rows.push_back({op, {bytes({2})}, {{"right", 1}}, op + ": input [2] is u8"});
  } else if constexpr (kOperands<Functor> == 1) {
    const nlohmann::json attrs = valid_parameters(op);
    rows.push_back({op, {bytes({2, 3})}, attrs, op + ": input [2,3] is u8"});
    rows.push_back({op, {absent()}, attrs, op + ": input is undefined"});
  } else if constexpr (kOperands<Functor> == 2 && kConditions<Functor> == 0) {
    const nlohmann::json attrs = valid_parameters(op);
    rows.push_back({op, {uniform({2, 3}), uniform({2})}, attrs, op + ": shapes [2,3] and [2]"});
    rows.push_back({op, {uniform({2, 3, 4}), uniform({3, 3, 4})}, attrs, "do not broadcast"});
    rows.push_back({op, {whole({2}), whole({2})}, attrs, op + ": a [2] is i64"});
    rows.push_back({op, {uniform({2}), uniform({2}).parameter()}, attrs, "b is f32", DType::bf16});
    rows.push_back({op, {uniform({2}), absent()}, attrs, op + ": b is undefined"});
  }
}

std::vector<BadOpCase> elementwise() {
  using namespace functors;  // for the lists
  std::vector<BadOpCase> rows = {
      {"cast", {absent()}, {{"dtype", "u8"}}, "cast: input is undefined"},
      {"clamp", {uniform({2})}, {{"min", 2}, {"max", 1}}, "clamp: min is 2 and max is 1"},
      {"softplus", {uniform({2})}, {{"beta", 0}}, "softplus: beta is 0"},
      {"softplus",
       {uniform({2})},
       {{"beta", std::numeric_limits<double>::infinity()}},
       "softplus: beta is inf"},
      {"where", {uniform({2}), uniform({2}), uniform({2})}, {}, "condition [2] is f64, expects u8"},
      {"where", {bytes({2}), uniform({2}), whole({2})}, {}, "where: b [2] is i64"},
      {"where", {bytes({2}), uniform({2}), absent()}, {}, "where: b is undefined"},
      {"where", {bytes({3}), uniform({2}), uniform({2})}, {}, "where: shapes [3] and [2]"},
      {"where",
       {bytes({2}), uniform({2}), uniform({2}).parameter()},
       {},
       "where: a is bf16 but b is f32",
       DType::bf16},
  };
#define X(Functor) add_rows_of<Functor>(rows);
  OSTEON_DIFFERENTIABLE(X)
  OSTEON_COMPARISONS(X)
#undef X
  return rows;
}

std::vector<BadOpCase> reductions() {
  std::vector<BadOpCase> rows = {
      {"mean", {uniform({0, 3})}, {}, "mean: input [0,3]"},
      {"amax", {uniform({2, 0})}, {{"dims", {1}}}, "amax: input [2,0]"},
  };
  rows.insert(
      rows.end(),
      {
          {"var",
           {uniform({3, 1})},
           {{"dims", {1}}},
           "var: 1 elements of input [3,1] with correct"},
          {"std", {uniform({2})}, {{"correction", 2}}, "std: 2 elements of input [2] with correct"},
          {"var", {uniform({0, 3})}, {{"correction", 0}}, "var: input [0,3]"},
          {"logsumexp", {uniform({0, 3})}, {}, "logsumexp: input [0,3] is empty"},
          {"logsumexp", {whole({3})}, {}, "logsumexp: input [3] is i64"},
          {"any", {uniform({2})}, {}, "any: input [2] is f64, expects u8"},
          {"all", {whole({2})}, {}, "all: input [2] is i64, expects u8"},
          {"topk", {uniform({2, 3})}, {{"k", 4}}, "topk: k is 4 for input [2,3]"},
          {"topk", {uniform({2, 3})}, {{"k", -1}}, "topk: k is -1"},
          {"topk", {uniform({})}, {{"k", 1}}, "topk: input [] is a scalar"},
          {"topk", {whole({3})}, {{"k", 1}}, "topk: input [3] is i64"},
      });
  for (const std::string op : {"argmax", "argmin"}) {
    rows.push_back({op, {uniform({2, 3})}, {{"dim", 2}}, op + ": input [2,3] has no dimension 2"});
    rows.push_back({op, {uniform({2, 0})}, {}, op + ": dimension -1 of input [2,0] is empty"});
    rows.push_back({op, {whole({2, 3})}, {}, op + ": input [2,3] is i64"});
  }
  for (const std::string op : {"sum", "mean", "amax"}) {
    rows.push_back(
        {op, {uniform({2, 3})}, {{"dims", {2}}}, op + ": input [2,3] has no dimension 2"});
    rows.push_back({op, {uniform({2, 3})}, {{"dims", {-3}}}, "no dimension -3"});
    rows.push_back({op, {uniform({2, 3})}, {{"dims", {1, -1}}}, "named twice"});
    rows.push_back({op, {whole({2, 3})}, {}, op + ": input [2,3] is i64"});
  }
  return rows;
}

std::vector<BadOpCase> shapes() {
  const Input x = uniform({2, 3, 4});
  return {
      {"reshape", {x}, {{"extents", {5, 5}}}, "reshape: input [2,3,4] has 24 elements"},
      {"reshape", {x}, {{"extents", {-1, -1}}}, "more than one -1"},
      {"reshape", {x}, {{"extents", {-2, 12}}}, "none below -1"},
      {"reshape", {x}, {{"extents", {-1, 5}}}, "a multiple of 5"},
      {"reshape", {x}, {{"extents", {-1, 0}}}, "reshape"},
      {"permute", {x}, {{"order", {0, 1}}}, "permute: order [0,1] for input [2,3,4]"},
      {"permute", {x}, {{"order", {0, 1, 1}}}, "each of 0 to 2 once"},
      {"permute", {x}, {{"order", {0, 1, 3}}}, "permute: order [0,1,3]"},
      {"permute", {x}, {{"order", {0, 1, -1}}}, "permute: order [0,1,-1]"},
      {"concat", {}, {}, "concat: no tensors"},
      {"concat", {x, uniform({2, 3, 5})}, {{"dim", 1}}, "tensor 1 [2,3,5]"},
      {"concat", {x, uniform({2, 3})}, {{"dim", 1}}, "tensor 1 [2,3]"},
      {"concat", {x, x}, {{"dim", 3}}, "no dimension 3"},
      {"concat", {x, x.parameter()}, {{"dim", 0}}, "tensor 1 is f32", DType::bf16},
      {"concat", {x, absent()}, {{"dim", 0}}, "undefined"},
      {"narrow", {x}, {{"dim", 3}}, "narrow: input [2,3,4] has no dimension 3"},
      {"narrow", {x}, {{"dim", 1}, {"start", -1}}, "narrow: start -1"},
      {"narrow", {x}, {{"dim", 1}, {"start", 2}, {"length", 2}}, "start 2 and length 2"},
      {"narrow", {x}, {{"dim", 1}, {"length", -1}}, "length -1"},
      {"flatten", {x}, {{"start_dim", 3}}, "flatten: input [2,3,4] has no dimension 3"},
      {"flatten", {x}, {{"start_dim", 2}, {"end_dim", 1}}, "flatten: start_dim 2"},
      {"flatten", {absent()}, {}, "flatten: input is undefined"},
      {"squeeze", {x}, {{"dim", 3}}, "squeeze: input [2,3,4] has no dimension 3"},
      {"unsqueeze", {x}, {{"dim", 4}}, "unsqueeze: dimension 4 for input [2,3,4]"},
      {"unsqueeze", {x}, {{"dim", -5}}, "unsqueeze: dimension -5"},
      {"expand", {x}, {{"extents", {2, 3, 5}}}, "expand: extent 5 for dimension -1 of input"},
      {"expand", {x}, {{"extents", {3, 4}}}, "expand: 2 extents for input [2,3,4]"},
      {"expand", {x}, {{"extents", {-1, 2, 3, 4}}}, "expand: extent -1 for dimension -4"},
      {"expand", {whole({1})}, {{"extents", {2}}}, "expand: input [1] is i64"},
      {"stack", {}, {}, "stack: no tensors"},
      {"stack", {x, uniform({2, 3})}, {}, "stack: tensor 0 [2,3,4] and tensor 1 [2,3]"},
      {"stack", {x, x}, {{"dim", 4}}, "dimension 4"},
      {"split", {x}, {{"size", 0}}, "split: size 0"},
      {"split", {x}, {{"sizes", {1, 2}}}, "have the sum 3, expects 2"},
      {"split", {x}, {{"sizes", {-1, 3}}}, "length -1"},
      {"split", {x}, {{"size", 1}, {"dim", 3}}, "split: input [2,3,4] has no dimension 3"},
      {"slice", {x}, {{"dim", 0}, {"end", 2}, {"step", 0}}, "slice: step 0"},
      {"slice", {x}, {{"dim", -4}}, "slice: input [2,3,4] has no dimension -4"},
      {"flip", {x}, {{"dims", {1, -2}}}, "flip: dimension -2 of [2,3,4] is named twice"},
      {"flip", {x}, {{"dims", {3}}}, "flip: input [2,3,4] has no dimension 3"},
      {"roll", {x}, {{"shifts", {1}}, {"dims", {0, 1}}}, "roll: 1 shifts for 2 dimensions"},
      {"roll", {x}, {{"shifts", {1}}, {"dims", {5}}}, "roll: input [2,3,4] has no dimension 5"},
      {"pad", {x}, {{"padding", 1}}, "pad: images [2,3,4] has rank 3"},
      {"pad", {uniform({1, 3, 4, 1})}, {{"padding", {0, -1, 0, 0}}}, "-1 at the bottom"},
      {"pad",
       {uniform({1, 3, 4, 1})},
       {{"padding", 3}, {"mode", "reflect"}},
       "pad: padding 3 and 3"},
      {"pad", {uniform({1, 0, 4, 1})}, {{"padding", 1}, {"mode", "replicate"}}, "no border pixel"},
      {"index_select", {x, listed_i64({1}, {3})}, {{"dim", 1}}, "index 3 of input [2,3,4]"},
      {"index_select", {x, listed_i64({1}, {0})}, {{"dim", 3}}, "has no dimension 3"},
      {"gather",
       {x, classes({2, 3, 1}, 4)},
       {{"dim", 3}},
       "gather: input [2,3,4] has no dimension"},
      {"gather", {x, classes({2, 3}, 2)}, {}, "gather: indices [2,3] and input [2,3,4] differ in"},
      {"gather", {x, classes({2, 3, 5}, 2)}, {}, "exceed input [2,3,4] in dimension 2"},
      {"gather", {x, listed_i64({1, 1, 1}, {2})}, {}, "gather: index 2 of input [2,1,1]"},
      {"gather", {x, uniform({2, 3, 4}).constant()}, {}, "gather: indices [2,3,4] is f64"},
      {"scatter_add", {x, classes({1, 3, 4}, 2), uniform({2, 3, 4})}, {}, "src has shape [2,3,4]"},
      {"scatter_add", {x, classes({2, 3, 1}, 2), uniform({2, 3, 1})}, {}, "outside dimension 0"},
      {"scatter_add",
       {uniform({2}), listed_i64({1}, {-1}), uniform({1})},
       {},
       "scatter_add: index -1 of input [2]"},
      {"scatter_add",
       {whole({2}), classes({1}, 2), whole({1})},
       {},
       "scatter_add: input [2] is i64"},
      {"one_hot", {uniform({2}).constant()}, {{"num_classes", 3}}, "one_hot: indices [2] is f64"},
      {"one_hot", {classes({2}, 2)}, {{"num_classes", 0}}, "one_hot: num_classes 0"},
      {"one_hot", {listed_i64({1}, {3})}, {{"num_classes", 3}}, "index 3"},
      {"index_select", {x, listed_i64({1}, {2})}, {}, "index 2 of input [2,3,4]"},
      {"index_select", {x, listed_i64({2}, {0, -1})}, {}, "index -1"},
      {"index_select", {x, listed_i64({1, 1}, {0})}, {}, "indices [1,1] has rank 2"},
      {"index_select", {x, uniform({2}).constant()}, {}, "is f64, expects i64"},
      {"index_select", {x, absent()}, {}, "indices is undefined"},
  };
}

std::vector<BadOpCase> losses() {
  const std::string bce = "binary_cross_entropy_with_logits", ce = "cross_entropy";
  const Input logits = uniform({4}), targets = uniform({4}, 0, 1).constant();
  std::vector<BadOpCase> rows = {
      {bce, {logits, uniform({5}, 0, 1).constant()}, {}, "logits [4] and targets [5]"},
      {bce, {logits, targets, uniform({1}).constant()}, {}, "logits [4] and weight [1]"},
      {bce, {logits, whole({4})}, {}, "targets is i64"},
      {bce, {logits, uniform({4}, 0, 1)}, {}, "targets requires a gradient"},
      {bce, {logits, targets, uniform({4}, 0, 1)}, {}, "weight requires a gradient"},
      {bce, {logits, targets}, {{"positive_weight", -1}}, "positive_weight -1"},
      {bce, {logits, listed({4}, {0, 1, 1.5, 0}).constant()}, {}, "target"},
      {bce, {logits, listed({4}, {0, 1, -0.5, 0}).constant()}, {}, "target"},
      {bce, {uniform({0}), uniform({0}).constant()}, {}, "empty"},
      {bce, {bytes({4}), targets}, {}, "logits [4] is u8"},
      {ce, {uniform({4}), classes({4}, 3)}, {}, "cross_entropy: logits [4] has rank 1"},
      {ce, {uniform({4, 3}), classes({3}, 3)}, {}, "targets has shape [3]"},
      {ce, {uniform({4, 3}), uniform({4}, 0, 3).constant()}, {}, "expects i64"},
      {ce, {uniform({2, 3}), listed_i64({2}, {0, 3})}, {}, "3"},
      {ce, {uniform({2, 3}), listed_i64({2}, {-1, 0})}, {}, "-1"},
      {ce, {uniform({0, 3}), classes({0}, 3)}, {}, "empty"},
      {ce, {uniform({2, 3}), classes({2}, 3), uniform({2}).constant()}, {}, "weight has shape [2]"},
      {ce, {uniform({2, 3}), classes({2}, 3), uniform({3})}, {}, "weight requires a gradient"},
      {ce,
       {uniform({2, 3}), classes({2}, 3), uniform({3}).constant()},
       {},
       "weight [3] is bf16, expects f32",
       DType::bf16},
      {ce, {uniform({2, 3}), classes({2}, 3)}, {{"label_smoothing", 1.5}}, "label_smoothing 1.5"},
      {ce, {uniform({2, 3}), classes({2}, 3)}, {{"label_smoothing", -0.5}}, "label_smoothing -0.5"},
      {ce,
       {uniform({2, 3}), listed_i64({2}, {-100, 0})},
       {{"ignore_index", -1}},
       "ignore_index -1"},
      {"focal_loss",
       {logits, uniform({5}).constant()},
       {},
       "focal_loss: logits [4] and targets [5]"},
      {"focal_loss", {logits, uniform({4}, 0, 1)}, {}, "focal_loss: targets requires a gradient"},
      {"focal_loss", {logits, targets}, {{"alpha", 1.5}}, "focal_loss: alpha is 1.5"},
      {"focal_loss", {logits, targets}, {{"gamma", -1}}, "focal_loss: gamma is -1"},
      {"focal_loss", {bytes({4}), targets}, {}, "focal_loss: logits [4] is u8"},
      {"mse_loss", {logits, uniform({4, 1})}, {}, "mse_loss: input [4] and target [4,1]"},
      {"mse_loss", {whole({4}), whole({4})}, {}, "mse_loss: input [4] is i64"},
      {"mse_loss", {uniform({0}), uniform({0})}, {}, "mean: input [0]"},
      {"smooth_l1_loss", {logits, targets}, {{"beta", -1}}, "smooth_l1_loss: beta is -1"},
      {"smooth_l1_loss", {logits, uniform({5})}, {}, "input [4] and target [5]"},
  };
  for (const std::string op : {"softmax", "log_softmax"}) {
    rows.push_back({op, {uniform({})}, {}, op + ": input []"});
    rows.push_back({op, {uniform({3, 0})}, {}, op + ": input [3,0]"});
    rows.push_back({op, {whole({3, 2})}, {}, op + ": input [3,2] is i64"});
  }
  return rows;
}

std::vector<BadOpCase> drawn_and_warped() {
  const nlohmann::json options = {{"height", 4}, {"width", 4}, {"mean", {0.5}}, {"std", {0.25}}};
  const auto with = [&](const char* name, const nlohmann::json& value) {
    nlohmann::json changed = options;
    changed[name] = value;
    return changed;
  };
  const Input x = uniform({2, 3}), key = listed_i64({4}, {1, 2, 3, 0});
  const Input images = pixels({2, 5, 5, 1}), matrices = uniform({2, 2, 3}).parameter().constant();
  const std::string warp = "warp_affine";
  return {
      {"dropout", {x, key}, {{"p", 1}}, "dropout: p 1"},
      {"dropout", {x, key}, {{"p", -0.1}}, "dropout: p -0.1"},
      {"dropout", {x, listed_i64({3}, {1, 2, 3})}, {}, "dropout: key has shape [3]"},
      {"dropout", {x, uniform({4}).constant()}, {}, "dropout: key [4] is f64"},
      {"dropout", {uniform({}), key}, {}, "scalar"},
      {"dropout", {bytes({2, 3}), key}, {}, "dropout: input [2,3] is u8"},
      {"drop_path", {x, key}, {{"p", 1}}, "dropout: p 1"},
      {"drop_path", {uniform({}), key}, {}, "drop_path: input [] is a scalar"},
      {warp, {uniform({2, 5, 5, 1}), matrices}, options, "warp_affine: images [2,5,5,1] is f64"},
      {warp, {pixels({5, 5, 1}), matrices}, options, "has rank 3"},
      {warp, {pixels({2, 0, 5, 1}), matrices}, options, "warp_affine: images [2,0,5,1]"},
      {warp, {pixels({2, 5, 5, 2}), matrices}, options, "have 2 channels"},
      {warp, {images, uniform({3, 2, 3}).constant()}, options, "matrices has shape [3,2,3]"},
      {warp, {images, uniform({2, 2, 3})}, options, "matrices require a gradient"},
      {warp, {images, uniform({2, 2, 3}).constant()}, options, "matrices are bf16", DType::bf16},
      {warp, {images, matrices}, with("height", 0), "output of 0 x 4"},
      {warp, {images, matrices}, with("width", 40000), "output of 4 x 40000"},
      {warp, {images, matrices}, with("mean", {0.5, 0.5}), "2 means and 1 standard deviations"},
      {warp, {images, matrices}, with("std", {0.0}), "std 0"},
      {warp, {images, matrices}, with("dtype", "u8"), "output dtype u8"},
  };
}

}  // namespace

const std::vector<BadOpCase>& bad_op_cases() {
  static const std::vector<BadOpCase> rows = [] {
    std::vector<BadOpCase> all;
    for (const auto& part :
         {convolutions, normalisations, pools, resampling, transposed_convolutions, products,
          elementwise, reductions, shapes, losses, drawn_and_warped}) {
      const std::vector<BadOpCase> more = part();
      all.insert(all.end(), more.begin(), more.end());
    }
    for (BadOpCase& row : all)
      if (row.attrs.is_null()) row.attrs = nlohmann::json::object();  // {} in a row
    return all;
  }();
  return rows;
}

}  // namespace osteon
