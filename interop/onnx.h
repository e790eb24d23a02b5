// A trained model as an ONNX file, for the programs that run those.
#pragma once

#include <filesystem>

#include "train/model_file.h"

namespace osteon {

struct OnnxOptions {
  bool fold_batch_norm = true;  // into the convolution before it
  // The file does all that predict does after resizing: input `grey` [N,1,S,S], f32 levels 0 to
  // 255, output `probability` [N]. Otherwise input `images` [N,3,S,S], normalised, output `logits`
  // [N,1].
  bool with_preprocessing = false;
};

// Writes the model, as it computes in evaluation mode, with opset 17 and any batch size; whole or
// not at all. The graph is what one forward pass does, op by op, in ONNX's layout [N,C,H,W];
// weights keep their names. Metadata of the model (architecture, image size, mean, std, classes,
// threshold) go along. Throws Error naming an op that has no rule here.
//
// Source: https://github.com/onnx/onnx/blob/main/docs/Operators.md
void write_onnx(const std::filesystem::path& path, const TrainedModel& trained,
                const OnnxOptions& options = {});

}  // namespace osteon
