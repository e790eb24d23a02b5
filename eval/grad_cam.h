// Grad-CAM: the regions of an image that raise the logit of "abnormal", from the logit's gradient.
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

// Evidence for the positive class: 0 (none) to 1 (most), in the cells of a layer. All zero if there
// is none.
struct HeatMap {
  std::int64_t height = 0, width = 0;
  std::vector<float> values;  // row-major

  // The value at (y, x) of an image of that size which the cells cover, bilinear between their
  // centres.
  float at(double y, double x, std::int64_t picture_height, std::int64_t picture_width) const;
};

// One map per image of `input` [N,H,W,3], with a_k the channels of the named layer's output and z
// the logit:
//
//   map = max(0, sum over k of mean(dz / da_k) a_k) / its largest value
//
// The model computes in evaluation mode and keeps its state. Throws Error for a layer that does not
// exist (naming the known ones) or whose output is not [N,H,W,C].
std::vector<HeatMap> grad_cam(Module& model, const Tensor& input, const std::string& layer);

// The deepest stage of the model (nn/models.h) whose output for images of this size has at least 4
// x 4 cells, or the first stage: deeper stages know more of the class and less of the position.
std::string grad_cam_layer(const ModelInfo& info);

// The image with the map over it, from transparent (0) to yellow (1), shrunk to a long side of at
// most `long_side` pixels. `fit` is how the image was fitted to the model's input.
ColourImage overlay(const Image& picture, const HeatMap& map, Fit fit, std::int64_t long_side);

// The image alone, shrunk in the same way.
ColourImage shrink(const Image& picture, std::int64_t long_side);

}  // namespace osteon
