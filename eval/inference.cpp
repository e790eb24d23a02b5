// Runs batches through a model.
#include "eval/inference.h"

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
  const NoGrad no_grad;
  const bool was_training = model.is_training();
  model.eval();
  Loader loader(store, indices,
                {.batch_size = options.batch_size,
                 .image_size = info.image_size,
                 .workers = options.workers,
                 .augmentation = {.flip = options.mirrored ? 1.0 : 0.0}});
  const Device device = model.device();
  ImageValues outputs;
  Tensor before;  // read only after the next batch is issued, so that a CUDA device never waits
  const auto take = [&](const Tensor& next) {
    if (before.defined()) {
      const std::vector<double> values = before.to_vector();
      outputs.columns = before.dim(1);
      outputs.values.insert(outputs.values.end(), values.begin(), values.end());
      if (progress) progress(static_cast<std::int64_t>(outputs.rows()));
    }
    before = next;
  };
  for (Batch batch; loader.next(batch);)
    take(outputs_of(model, model_input(batch.images.to(device), batch.matrices.to(device), info,
                                       options.dtype)));
  take({});
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
