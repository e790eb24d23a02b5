// The names of both origins, and the network.
#include "nn/vision_transformer.h"

#include <array>
#include <cmath>

#include "nn/init.h"

namespace osteon {
namespace {

constexpr std::int64_t kPatch = 16, kHybridStride = 32, kImageSize = 224;
constexpr std::array<int, 4> kHybridBlocks = {2, 2, 2, 2};
constexpr double kDeviation = 0.02, kTokenDeviation = 1e-6;

Architecture transformer(const std::string& name, const VisionTransformerDesign& design) {
  const bool is_timm = design.origin == TransformerOrigin::timm;
  const std::string last = std::to_string(design.blocks - 1);
  const std::vector<double> half{0.5, 0.5, 0.5};
  return {.name = name,
          .family = "Vision transformer",
          .make =
              [design](const ModelOptions& options) {
                return std::make_unique<VisionTransformer>(design, options);
              },
          .head = is_timm ? "head" : "heads.head",
          .stages = {{.layer = is_timm ? "blocks." + last + ".norm1"
                                       : "encoder.layers.encoder_layer_" + last + ".ln_1",
                      .stride = design.is_hybrid ? kHybridStride : kPatch}},
          .image_size = kImageSize,
          .mean = is_timm ? half : kImageNetMean,
          .std = is_timm ? half : kImageNetStd,
          .has_drop_path = true,
          .size_multiple = design.is_hybrid ? kHybridStride : kPatch};
}

}  // namespace

Architecture vit_b_16() {
  return transformer("vit_b_16", {TransformerOrigin::torchvision, 12, 12});
}
Architecture vit_tiny_patch16_224() {
  return transformer("vit_tiny_patch16_224", {TransformerOrigin::timm, 3, 12});
}
Architecture vit_small_patch16_224() {
  return transformer("vit_small_patch16_224", {TransformerOrigin::timm, 6, 12});
}

Architecture vit_small_r26_s32_224() {
  return transformer("vit_small_r26_s32_224", {TransformerOrigin::timm, 6, 12, true});
}

// A head has 64 elements, so `width` of them in 64ths.
VisionTransformer::VisionTransformer(const VisionTransformerDesign& design,
                                     const ModelOptions& options)
    : origin_(design.origin),
      stride_(design.is_hybrid ? kHybridStride : kPatch),
      grid_(kImageSize / stride_),
      backbone_(design.is_hybrid ? std::make_unique<ResNetV2>(kHybridBlocks, options.width_scale())
                                 : nullptr),
      class_token_(zeros({1, 1, design.heads * options.width})),
      position_embedding_(zeros({1, 1 + grid_ * grid_, design.heads * options.width})),
      projection_(backbone_ ? backbone_->out_channels() : 3, design.heads * options.width,
                  backbone_ ? 1 : kPatch, {.stride = backbone_ ? 1 : kPatch}),
      norm_(design.heads * options.width, kTransformerEpsilon),
      head_(design.heads * options.width, options.num_classes) {
  const bool is_timm = origin_ == TransformerOrigin::timm;
  add(is_timm ? "cls_token" : "class_token", class_token_);
  add(is_timm ? "pos_embed" : "encoder.pos_embedding", position_embedding_);
  if (backbone_) add("patch_embed.backbone", *backbone_);
  add(is_timm ? "patch_embed.proj" : "conv_proj", projection_);
  for (std::int64_t i = 0; i < design.blocks; ++i) {
    blocks_.push_back(std::make_unique<TransformerBlock>(
        origin_, design.heads * options.width, design.heads,
        options.drop_path_of(i, design.blocks - 1, /*own_rate=*/0)));
    add(format(is_timm ? "blocks." : "encoder.layers.encoder_layer_", i), *blocks_.back());
  }
  add(is_timm ? "norm" : "encoder.ln", norm_);
  add(is_timm ? "head" : "heads.head", head_);
  initialise_parameters(*this, options.seed);
}

void VisionTransformer::initialise(const ParameterStreams& streams) {
  const Tensor& filters = projection_.weight;
  const double bound = 1 / std::sqrt(static_cast<double>(filters.numel() / filters.dim(0)));
  if (origin_ == TransformerOrigin::timm) {
    uniform_(filters, bound, streams("patch_embed.proj.weight"));
    normal_(class_token_, kTokenDeviation, streams("cls_token"));
    normal_(position_embedding_, kDeviation, streams("pos_embed"));
    normal_(head_.weight, kDeviation, streams("head.weight"));
  } else {
    normal_(filters, bound, streams("conv_proj.weight"));
    fill_(projection_.bias, 0);
    fill_(class_token_, 0);
    normal_(position_embedding_, kDeviation, streams("encoder.pos_embedding"));
    fill_(head_.weight, 0);
  }
  fill_(head_.bias, 0);
}

// [N,H,W,3] -> [N, 1 + H/stride W/stride, C], with positions.
Tensor VisionTransformer::tokens_of(const Tensor& x) {
  OSTEON_CHECK(x.rank() == 4 && x.dim(1) % stride_ == 0 && x.dim(2) % stride_ == 0 &&
                   x.dim(1) > 0 && x.dim(2) > 0,
               "vision transformer: images ", x.shape(), "; their sides must be multiples of ",
               stride_, " pixels");
  const Tensor patches = projection_(backbone_ ? (*backbone_)(x) : x);
  const std::int64_t samples = x.dim(0), rows = patches.dim(1), columns = patches.dim(2),
                     channels = patches.dim(3);
  const Tensor first = expand(in_dtype_of(x, class_token_), {samples, 1, channels});
  const Tensor tokens = concat({first, reshape(patches, {samples, rows * columns, channels})}, 1);
  Tensor positions = position_embedding_;
  if (rows != grid_ || columns != grid_) {
    const Tensor grid =
        reshape(narrow(positions, 1, 1, grid_ * grid_), {1, grid_, grid_, channels});
    const bool is_timm = origin_ == TransformerOrigin::timm;
    const Tensor resized =
        upsample(grid, {rows, columns},
                 {.mode = UpsampleMode::bicubic, .align_corners = !is_timm, .antialias = is_timm});
    positions =
        concat({narrow(positions, 1, 0, 1), reshape(resized, {1, rows * columns, channels})}, 1);
  }
  return tokens + in_dtype_of(x, positions);
}

Tensor VisionTransformer::forward(const Tensor& x) {
  Tensor tokens = tokens_of(x);
  for (const auto& block : blocks_) tokens = (*block)(tokens);
  const Tensor first = narrow(tokens, 1, 0, 1);
  return head_(norm_(reshape(first, {tokens.dim(0), tokens.dim(2)})));
}

}  // namespace osteon
