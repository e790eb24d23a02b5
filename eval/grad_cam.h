// Grad-CAM: which places of an image speak for "abnormal", by the gradient of the logit.
//
// Source: Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra, "Grad-CAM: Visual Explanations from
// Deep Networks via Gradient-based Localization", ICCV 2017.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "eval/model_file.h"
#include "nn/module.h"
#include "tensor/tensor.h"

namespace osteon {

// Where an image speaks for the positive class: 0 (not at all) to 1 (most), in the cells of a
// layer. All zero where nothing speaks for it.
struct HeatMap {
  std::int64_t height = 0, width = 0;
  std::vector<float> values;  // row-major

  // At (y, x) of a picture of that size that the cells cover, bilinear between their centres.
  float at(double y, double x, std::int64_t picture_height, std::int64_t picture_width) const;
};

// A map an image of `input` [N,H,W,3], with a_k the channels of the named layer's output and z the
// logit:
//
//   map = max(0, sum over k of mean(dz / da_k) a_k) / its largest value
//
// The model computes in evaluation mode and is as before afterwards. Throws Error for a layer that
// does not exist (the known ones are named), or whose output is not [N,H,W,C].
std::vector<HeatMap> grad_cam(Module& model, const Tensor& input, const std::string& layer);

// The deepest stage of the model (nn/models.h) whose output for images of this size has at least
// 4 x 4 cells, or the first: what lies deeper knows more of the class and less of the place.
std::string grad_cam_layer(const ModelInfo& info);

// The picture with the map over it, from clear (0) to yellow (1), shrunk to a long side of at most
// `long_side` pixels. `fit` is how the picture became the model's input.
ColourImage overlay(const Image& picture, const HeatMap& map, Fit fit, std::int64_t long_side);

// The picture alone, the same way.
ColourImage shrink(const Image& picture, std::int64_t long_side);

}  // namespace osteon
