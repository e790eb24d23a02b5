// Runs a trained model over images.
#pragma once

#include <cstdint>
#include <vector>

#include "data/cache.h"
#include "data/loader.h"
#include "eval/model_file.h"
#include "eval/task.h"

namespace osteon {

struct InferenceOptions {
  std::int64_t batch_size = 32;
  int workers = 2;
  DType dtype = DType::f32;  // of the activations
  bool mirrored = false;     // mirror every image, left to right
  bool record = true;        // on a CUDA device: record the model as a graph and replay it
};

// The model's input, from the images and matrices of a loader's batch: warped, normalised,
// [N,S,S,3], on their device.
Tensor model_input(const Tensor& images, const Tensor& matrices, const ModelInfo& info,
                   DType dtype);

// The model's outputs, f32 [N, outputs per image].
Tensor outputs_of(Module& model, const Tensor& input);

// The outputs for the samples `indices`, in their order, computed in evaluation mode without
// gradients; the model's mode is restored. `progress` is called with the number of images done.
// Several processes, which must all call this with the same arguments, share the batches; each gets
// all outputs, the same ones as a single process.
ImageValues infer_outputs(Module& model, const ModelInfo& info, const ImageStore& store,
                          const std::vector<std::int64_t>& indices, const InferenceOptions& options,
                          const std::function<void(std::int64_t done)>& progress = {});

// The samples of one split, in the manifest's order.
std::vector<std::int64_t> split_indices(const Manifest& manifest, Split split);

}  // namespace osteon
