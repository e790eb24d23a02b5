// Vision transformers: vit_b_16 as in torchvision, vit_tiny and vit_small_patch16_224 as in timm;
// the same layers with the same names.
//
// Source: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at
// Scale", ICLR 2021.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/models.h"
#include "nn/resnet_v2.h"
#include "nn/transformer_block.h"

namespace osteon {

// The entries in the list of models.
Architecture vit_b_16();
Architecture vit_tiny_patch16_224();
Architecture vit_small_patch16_224();
Architecture vit_small_r26_s32_224();

struct VisionTransformerDesign {
  TransformerOrigin origin;
  std::int64_t heads, blocks;
  // Whether the tokens are the pixels of a ResNetV2's output (nn/resnet_v2.h), at a stride of 32,
  // instead of patches of 16 x 16 pixels.
  bool is_hybrid = false;
};

// The image is cut into patches, a linear map makes a token of each, and a class token comes first;
// position embeddings, for the patches of an image of 224 x 224 pixels, are added. For another grid
// of patches they are resized bicubically, as their origin does it (torchvision: corners aligned;
// timm: antialiased).
class VisionTransformer : public ModuleGroup {
 public:
  VisionTransformer(const VisionTransformerDesign& design, const ModelOptions& options);
  void initialise(const ParameterStreams& streams) override;

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Tensor tokens_of(const Tensor& x);

  TransformerOrigin origin_;
  std::int64_t stride_, grid_;  // pixels per token; tokens per side of 224 pixels
  std::unique_ptr<ResNetV2> backbone_;
  Tensor class_token_;         // [1,1,C]
  Tensor position_embedding_;  // [1, 1 + grid * grid, C]
  Conv2d projection_;
  std::vector<std::unique_ptr<TransformerBlock>> blocks_;
  LayerNorm norm_;
  Linear head_;
};

}  // namespace osteon
