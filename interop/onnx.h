// Writes a model as an ONNX file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nn/module.h"

namespace osteon {

// What the outputs of the model become.
enum class OnnxPrediction {
  sigmoid,     // probability [N,K], or [N] of one logit: sigmoid(logit / temperature)
  softmax,     // probability [N,K]: softmax(logits / temperature)
  cumulative,  // probability [N,K+1] of grades: differences of sigmoid(logit_k / temperature),
               // none of which exceeds the one before it
  number,      // predicted [N]: offset + scale output
};

// The steps before and after the model: from grey levels to normalised channels, and from its
// outputs to predictions.
struct OnnxPreprocessing {
  std::vector<double> mean, std;  // one per channel, of grey levels in [0, 1]
  OnnxPrediction prediction = OnnxPrediction::sigmoid;
  double temperature = 1;
  double offset = 0, scale = 1;
};

struct OnnxOptions {
  std::string name;             // of the graph
  bool fold_batch_norm = true;  // fold batch norm into the convolution before it
  // If set, the input is `grey` [N,1,S,S], f32 levels 0 to 255, and the output that of
  // OnnxPrediction. Otherwise the input is `images` [N,3,S,S], normalised, and the output is
  // `logits` [N,K].
  std::optional<OnnxPreprocessing> preprocessing{};
  std::map<std::string, std::string> metadata{};
};

// Writes the model, in evaluation mode, for square images of side `image_size`, with opset 17 and
// any batch size. The file is complete or not written at all. The graph holds the ops of one
// forward pass in ONNX's layout [N,C,H,W]; weights keep their names. Throws Error naming an op that
// has no rule here.
//
// Source: https://github.com/onnx/onnx/blob/main/docs/Operators.md
void write_onnx(const std::filesystem::path& path, Module& model, std::int64_t image_size,
                const OnnxOptions& options = {});

}  // namespace osteon
