// The encoder block of vision transformers: attention and a two-layer perceptron, each after a
// layer norm and around a shortcut.
#pragma once

#include "nn/layers.h"
#include "nn/module_group.h"

namespace osteon {

// Whose names and initial values a transformer has.
enum class TransformerOrigin { torchvision, timm };

// Multi-head self-attention of [N,L,C] with heads of C / heads elements:
//
//   projection(attention(query, key, value)),   [query, key, value] = one linear map of x
class SelfAttention : public ModuleGroup {
 public:
  SelfAttention(TransformerOrigin origin, std::int64_t channels, std::int64_t heads);
  void initialise(const ParameterStreams& streams) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  TransformerOrigin origin_;
  std::int64_t heads_;
  Linear query_key_value_;
  Linear projection_;
};

// y = x + attention(norm1(x)), then y + linear2(gelu(linear1(norm2(y)))); [N,L,C] -> [N,L,C]. With
// probability drop_path training leaves out a branch for a sample.
class TransformerBlock : public ModuleGroup {
 public:
  TransformerBlock(TransformerOrigin origin, std::int64_t channels, std::int64_t heads,
                   double drop_path);
  void initialise(const ParameterStreams& streams) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  TransformerOrigin origin_;
  LayerNorm norm1_, norm2_;
  SelfAttention attention_;
  Linear linear1_, linear2_;
  DropPath drop_path1_, drop_path2_;
};

// The epsilon of all layer norms of vision transformers.
inline constexpr double kTransformerEpsilon = 1e-6;

}  // namespace osteon
