#include "nn/transformer_block.h"

#include "nn/init.h"

namespace osteon {
namespace {

constexpr double kTimmDeviation = 0.02, kBiasDeviation = 1e-6;

}  // namespace

SelfAttention::SelfAttention(TransformerOrigin origin, std::int64_t channels, std::int64_t heads)
    : origin_(origin),
      heads_(heads),
      query_key_value_(channels, 3 * channels),
      projection_(channels, channels) {
  if (origin == TransformerOrigin::torchvision) {
    add("in_proj_weight", query_key_value_.weight);
    add("in_proj_bias", query_key_value_.bias);
    add("out_proj", projection_);
  } else {
    add("qkv", query_key_value_);
    add("proj", projection_);
  }
}

void SelfAttention::initialise(const ParameterStreams& streams) {
  if (origin_ == TransformerOrigin::torchvision) {
    xavier_uniform_(query_key_value_.weight, streams("in_proj_weight"));
  } else {
    normal_(query_key_value_.weight, kTimmDeviation, streams("qkv.weight"));
    normal_(projection_.weight, kTimmDeviation, streams("proj.weight"));
  }
  fill_(query_key_value_.bias, 0);
  fill_(projection_.bias, 0);
}

Tensor SelfAttention::forward(const Tensor& x) {
  const std::int64_t samples = x.dim(0), length = x.dim(1), channels = x.dim(2);
  // A product each for query, key and value: to cut one product into three would copy it, and
  // three gradients of its size would be added. The weights are smaller.
  const auto part = [&](std::int64_t i) {
    const auto third = [&](const Tensor& parameter) {
      return in_dtype_of(x, narrow(parameter, 0, i * channels, channels));
    };
    return reshape(linear(x, third(query_key_value_.weight), third(query_key_value_.bias)),
                   {samples, length, heads_, channels / heads_});
  };
  const Tensor y = scaled_dot_product_attention(part(0), part(1), part(2));
  return projection_(reshape(y, {samples, length, channels}));
}

TransformerBlock::TransformerBlock(TransformerOrigin origin, std::int64_t channels,
                                   std::int64_t heads, double drop_path)
    : origin_(origin),
      norm1_(channels, kTransformerEpsilon),
      norm2_(channels, kTransformerEpsilon),
      attention_(origin, channels, heads),
      linear1_(channels, 4 * channels),
      linear2_(4 * channels, channels),
      drop_path1_(drop_path),
      drop_path2_(drop_path) {
  const bool is_timm = origin == TransformerOrigin::timm;
  add(is_timm ? "norm1" : "ln_1", norm1_);
  add(is_timm ? "attn" : "self_attention", attention_);
  add(is_timm ? "norm2" : "ln_2", norm2_);
  add(is_timm ? "mlp.fc1" : "mlp.0", linear1_);
  add(is_timm ? "mlp.fc2" : "mlp.3", linear2_);
  add("drop_path1", drop_path1_);
  add("drop_path2", drop_path2_);
}

void TransformerBlock::initialise(const ParameterStreams& streams) {
  const bool is_timm = origin_ == TransformerOrigin::timm;
  const auto set = [&](const Linear& linear, const std::string& name) {
    if (is_timm) {
      normal_(linear.weight, kTimmDeviation, streams(name + ".weight"));
      fill_(linear.bias, 0);
    } else {
      xavier_uniform_(linear.weight, streams(name + ".weight"));
      normal_(linear.bias, kBiasDeviation, streams(name + ".bias"));
    }
  };
  set(linear1_, is_timm ? "mlp.fc1" : "mlp.0");
  set(linear2_, is_timm ? "mlp.fc2" : "mlp.3");
}

Tensor TransformerBlock::forward(const Tensor& x) {
  const Tensor y = x + drop_path1_(attention_(norm1_(x)));
  return y + drop_path2_(linear2_(gelu(linear1_(norm2_(y)))));
}

}  // namespace osteon
