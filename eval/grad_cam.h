// Grad-CAM: the regions of an image that raise a logit, for example that of "abnormal", from the
// logit's gradient.
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

// Evidence for a class, from 0 (none) to 1 (most), in the cells of a layer. All values
// are 0 if there is no evidence.
struct HeatMap {
  std::int64_t height = 0, width = 0;
  std::vector<float> values;  // row-major

  // The value at pixel (y, x) of an image of image_height x image_width pixels that the cells
  // cover; bilinear between the centres of the cells.
  float at(double y, double x, std::int64_t image_height, std::int64_t image_width) const;
};

// One map per image of `input` [N,H,W,3]:
//
//   map = max(0, sum over k of mean(dz / da_k) a_k) / its largest value
//
// a_k is channel k of the named layer's output, z the logit outputs[i] of image i. In a transformer
// the layer's output is [N,L,C], and the map has one cell per patch; the class token, which comes
// first, has none.
//
// The model computes in evaluation mode and keeps its state. Throws Error for a layer that does not
// exist (naming the known ones) or whose output is neither [N,H,W,C] nor [N,L,C].
std::vector<HeatMap> grad_cam(Module& model, const Tensor& input, const std::string& layer,
                              const std::vector<std::int64_t>& outputs);

// The deepest stage of the model (nn/models.h) whose output for images of this size has at least 4
// x 4 cells, or the first stage if there is none. Deeper stages contain more information about the
// class and less about the position.
std::string grad_cam_layer(const ModelInfo& info);

// The image with the map over it, from transparent (0) to yellow (1), shrunk to a long side of at
// most `long_side` pixels. `fit` is the fit with which the image became the model's input.
ColourImage overlay(const Image& image, const HeatMap& map, Fit fit, std::int64_t long_side);

// The image alone, shrunk in the same way.
ColourImage shrink(const Image& image, std::int64_t long_side);

}  // namespace osteon
