// Runs batches through a model.
#include "eval/inference.h"

#include <algorithm>

#include "eval/inference_step.h"
#include "ops/ops.h"

namespace osteon {

Tensor model_input(const Tensor& images, const Tensor& matrices, const ModelInfo& info,
                   DType dtype) {
  return warp_affine(images, matrices,
                     {info.image_size, info.image_size, info.mean, info.std, dtype});
}

Tensor outputs_of(Module& model, const Tensor& input) {
  const Tensor outputs = model(input);
  OSTEON_CHECK(outputs.rank() == 2, "the model's output ", outputs.shape(),
               " is not [images, outputs]");
  return outputs.dtype() == DType::f32 ? outputs : cast(outputs, DType::f32);
}

ImageValues infer_outputs(Module& model, const ModelInfo& info, const ImageStore& store,
                          const std::vector<std::int64_t>& indices, const InferenceOptions& options,
                          const std::function<void(std::int64_t)>& progress) {
  const bool was_training = model.is_training();
  model.eval();
  Loader loader(store, indices,
                {.batch_size = options.batch_size,
                 .image_size = info.image_size,
                 .workers = options.workers,
                 .augmentation = {.flip = options.mirrored ? 1.0 : 0.0}});
  InferenceStep step(
      model.device(),
      [&](const Tensors& inputs) {
        return outputs_of(model, model_input(inputs[0], inputs[1], info, options.dtype));
      },
      {.batch_size = std::min(options.batch_size, static_cast<std::int64_t>(indices.size())),
       .record = options.record});
  ImageValues outputs;
  const auto take = [&](bool wait) {
    while (const std::optional<Tensor> taken = step.take_outputs(wait)) {
      const std::vector<double> values = taken->to_vector();
      outputs.columns = taken->dim(1);
      outputs.values.insert(outputs.values.end(), values.begin(), values.end());
      if (progress) progress(static_cast<std::int64_t>(outputs.rows()));
    }
  };
  for (Batch batch; loader.next(batch);) {
    step.issue({batch.images, batch.matrices});
    take(/*wait=*/false);
  }
  take(/*wait=*/true);
  model.train(was_training);
  return outputs;
}

std::vector<std::int64_t> split_indices(const Manifest& manifest, Split split) {
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < manifest.samples.size(); ++i)
    if (manifest.samples[i].split == split) indices.push_back(static_cast<std::int64_t>(i));
  return indices;
}

}  // namespace osteon
