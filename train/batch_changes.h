// Random changes of a batch after the affine map: brightness and contrast, erased rectangles, and
// mixtures of two images with their targets.
#pragma once

#include <cstdint>
#include <span>

#include "data/loader.h"
#include "eval/model_file.h"
#include "tensor/tensor.h"

namespace osteon {

struct BatchChangeOptions {
  bool has_levels = false;  // images have a brightness and a contrast
  bool has_erased = false;  // images may have an erased rectangle
  // Parameters of the Beta distributions of the shares; 0: none. With both, each batch gets one of
  // them.
  double mixup = 0, cutmix = 0;
  std::int64_t image_size = 0;
  std::uint64_t seed = 0;

  bool has_mixture() const { return mixup > 0 || cutmix > 0; }
};

// How each image of a batch is mixed with the image at the same place from the batch's end.
struct Mixture {
  double share = 1;        // of its own pixels and target; 1: not mixed
  bool is_cutmix = false;  // the other's pixels are those in a box; else a weighted mean
  Box box{};
};

// It depends on (seed, epoch, batch) only.
//
//   mixup:  x <- share x + (1 - share) partner              share ~ Beta(mixup, mixup)
//   cutmix: x <- partner inside of a box, else x            share = 1 - area of the box / of the
//   image
//
// The box of cutmix has the area 1 - s, s ~ Beta(cutmix, cutmix), before it is cut at the borders.
// Sources: Zhang et al., "mixup", ICLR 2018; Yun et al., "CutMix", ICCV 2019; one draw per batch
// and the reversed batch as partners as in timm.
Mixture draw_mixture(const BatchChangeOptions& options, std::int64_t epoch, std::int64_t batch);

// The tensors by which apply_changes changes a batch, on the CPU, [N,...]; as many for every batch.
Tensors change_inputs(const BatchChangeOptions& options, const Batch& batch, const Mixture& mixture,
                      const ModelInfo& info);

// The changed images, from normalised ones [N,S,S,3] and the tensors of change_inputs on their
// device.
Tensor apply_changes(const BatchChangeOptions& options, const Tensor& images,
                     std::span<const Tensor> inputs);

// The targets [N] or [N,classes] and weights [N] of mixed images: the loss is the mean of both
// images' losses, weighted by the shares.
void mix_targets(const Mixture& mixture, Tensor& targets, Tensor& weights);

}  // namespace osteon
