// The record of each op: its name, the indices of its inputs and the type of its attributes.
// Observers (tensor/autograd.h) identify ops and inputs by these names:
//
//   if (is(op, schema::conv2d)) use(op.inputs[schema::conv2d.weight]);
#pragma once

#include <cstdint>
#include <vector>

#include "ops/ops.h"
#include "tensor/autograd.h"

namespace osteon::schema {

struct Conv2d : OpSchema<Conv2dOptions> {
  enum Input : std::size_t { x, weight, bias };
};
inline constexpr Conv2d conv2d{{"conv2d"}};

struct Conv2dAddActivation : OpSchema<Conv2dOptions> {
  enum Input : std::size_t { x, weight, bias, residual };
};
inline constexpr Conv2dAddActivation conv2d_add_activation{{"conv2d_add_activation"}};

struct ConvTranspose2d : OpSchema<ConvTranspose2dOptions> {
  enum Input : std::size_t { x, weight };
};
inline constexpr ConvTranspose2d conv_transpose2d{{"conv_transpose2d"}};

// The running statistics have no gradient.
struct BatchNorm : OpSchema<BatchNormOptions> {
  enum Input : std::size_t { x, weight, bias, residual, running_mean, running_var };
};
inline constexpr BatchNorm batch_norm{{"batch_norm"}};

struct DenseBlockAttrs {
  DenseBlockOptions options;
  std::size_t layers;
};
// The inputs are x, then of each layer: norm1_weight, norm1_bias, conv1_weight, norm2_weight,
// norm2_bias, conv2_weight.
inline constexpr OpSchema<DenseBlockAttrs> dense_block{"dense_block"};

struct LayerNormAttrs {
  double epsilon;
};
struct LayerNorm : OpSchema<LayerNormAttrs> {
  enum Input : std::size_t { x, weight, bias };
};
inline constexpr LayerNorm layer_norm{{"layer_norm"}};

struct MaxPool2d : OpSchema<Pool2dOptions> {
  enum Input : std::size_t { x };
};
inline constexpr MaxPool2d max_pool2d{{"max_pool2d"}};

struct AvgPool2d : OpSchema<Pool2dOptions> {
  enum Input : std::size_t { x };
};
inline constexpr AvgPool2d avg_pool2d{{"avg_pool2d"}};

struct GlobalAvgPool2d : OpSchema<> {
  enum Input : std::size_t { x };
};
inline constexpr GlobalAvgPool2d global_avg_pool2d{{"global_avg_pool2d"}};

struct Linear : OpSchema<> {
  enum Input : std::size_t { x, weight, bias };
};
inline constexpr Linear linear{{"linear"}};

struct MatmulAttrs {
  bool transpose_a, transpose_b;
};
struct Matmul : OpSchema<MatmulAttrs> {
  enum Input : std::size_t { a, b };
};
inline constexpr Matmul matmul{{"matmul"}};

struct AttentionAttrs {
  double scale;
};
struct Attention : OpSchema<AttentionAttrs> {
  enum Input : std::size_t { query, key, value };
};
inline constexpr Attention attention{{"scaled_dot_product_attention"}};

// The attributes of an elementwise op are its functor; the inputs are the operands, in order.
template <class Functor>
inline constexpr OpSchema<Functor> elementwise{Functor::name};

struct Cast : OpSchema<DType> {
  enum Input : std::size_t { x };
};
inline constexpr Cast cast{{"cast"}};

struct SumAttrs {
  Shape kept;  // the result's, with extent 1 in reduced dimensions
  double scale;
};
struct Reduction : OpSchema<SumAttrs> {
  enum Input : std::size_t { x };
};
inline constexpr Reduction sum{{"sum"}}, mean{{"mean"}};

struct Amax : OpSchema<> {
  enum Input : std::size_t { x };
};
inline constexpr Amax amax{{"amax"}};

struct TopKAttrs {
  std::int64_t k;
};
struct TopK : OpSchema<TopKAttrs> {
  enum Input : std::size_t { x };
};
inline constexpr TopK topk{{"topk"}};

struct Reshape : OpSchema<> {
  enum Input : std::size_t { x };
};
inline constexpr Reshape reshape{{"reshape"}};

struct PermuteAttrs {
  std::vector<std::int64_t> order;
};
struct Permute : OpSchema<PermuteAttrs> {
  enum Input : std::size_t { x };
};
inline constexpr Permute permute{{"permute"}};

struct ConcatAttrs {
  std::int64_t dim;
  std::vector<std::int64_t> extents;  // of each tensor along dim
};
// The inputs are the tensors, in order.
inline constexpr OpSchema<ConcatAttrs> concat{"concat"};

struct NarrowAttrs {
  std::int64_t dim, start;
};
struct Narrow : OpSchema<NarrowAttrs> {
  enum Input : std::size_t { x };
};
inline constexpr Narrow narrow{{"narrow"}};

struct Expand : OpSchema<> {
  enum Input : std::size_t { x };
};
inline constexpr Expand expand{{"expand"}};

struct PadAttrs {
  Padding padding;
  double value;
};
struct Pad : OpSchema<PadAttrs> {
  enum Input : std::size_t { x };
};
inline constexpr Pad pad{{"pad"}};  // in mode constant; the other modes are index_select

struct DimAttrs {
  std::int64_t dim;
};
struct IndexSelect : OpSchema<DimAttrs> {
  enum Input : std::size_t { x, indices };
};
inline constexpr IndexSelect index_select{{"index_select"}};

struct Gather : OpSchema<DimAttrs> {
  enum Input : std::size_t { x, indices };
};
inline constexpr Gather gather{{"gather"}};

struct ScatterAdd : OpSchema<DimAttrs> {
  enum Input : std::size_t { x, indices, src };
};
inline constexpr ScatterAdd scatter_add{{"scatter_add"}};

struct Softmax : OpSchema<> {
  enum Input : std::size_t { x };
};
inline constexpr Softmax softmax{{"softmax"}};

struct LogSoftmax : OpSchema<> {
  enum Input : std::size_t { x };
};
inline constexpr LogSoftmax log_softmax{{"log_softmax"}};

struct BinaryCrossEntropyAttrs {
  double positive_weight;
};
struct BinaryCrossEntropyWithLogits : OpSchema<BinaryCrossEntropyAttrs> {
  enum Input : std::size_t { logits, targets, weight };
};
inline constexpr BinaryCrossEntropyWithLogits binary_cross_entropy_with_logits{
    {"binary_cross_entropy_with_logits"}};

struct CrossEntropy : OpSchema<CrossEntropyOptions> {
  enum Input : std::size_t { logits, targets, weight };
};
inline constexpr CrossEntropy cross_entropy{{"cross_entropy"}};

struct DropoutAttrs {
  double p;
};
struct Dropout : OpSchema<DropoutAttrs> {
  enum Input : std::size_t { x, key };
};
inline constexpr Dropout dropout{{"dropout"}};

struct WarpAffine : OpSchema<WarpOptions> {
  enum Input : std::size_t { images, matrices };
};
inline constexpr WarpAffine warp_affine{{"warp_affine"}};

}  // namespace osteon::schema
