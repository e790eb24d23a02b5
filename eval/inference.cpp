// Batches through a model.
#include "eval/inference.h"

#include <cmath>

#include "ops/functors.h"
#include "ops/ops.h"

namespace osteon {

Tensor model_input(const Tensor& images, const Tensor& matrices, const ModelInfo& info,
                   DType dtype) {
  return warp_affine(images, matrices,
                     {info.image_size, info.image_size, info.mean, info.std, dtype});
}

Tensor logits_of(Module& model, const Tensor& input) {
  const Tensor logits = model(input);
  OSTEON_CHECK(logits.rank() == 2 && logits.dim(1) == 1, "the model's output ", logits.shape(),
               " is not one logit an image");
  return reshape(logits.dtype() == DType::f32 ? logits : cast(logits, DType::f32), {-1});
}

std::vector<double> infer_logits(Module& model, const ModelInfo& info, const ImageStore& store,
                                 const std::vector<std::int64_t>& indices,
                                 const InferenceOptions& options,
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
  std::vector<double> logits;
  Tensor before;  // read when the next batch has been issued, so that a CUDA device never waits
  const auto take = [&](const Tensor& next) {
    if (before.defined()) {
      const std::vector<double> values = before.to_vector();
      logits.insert(logits.end(), values.begin(), values.end());
      if (progress) progress(static_cast<std::int64_t>(logits.size()));
    }
    before = next;
  };
  for (Batch batch; loader.next(batch);)
    take(logits_of(model, model_input(batch.images.to(device), batch.matrices.to(device), info,
                                      options.dtype)));
  take({});
  model.train(was_training);
  return logits;
}

std::vector<std::int64_t> split_indices(const Manifest& manifest, Split split) {
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < manifest.samples.size(); ++i)
    if (manifest.samples[i].split == split) indices.push_back(static_cast<std::int64_t>(i));
  return indices;
}

std::vector<int> labels_of(const Manifest& manifest, const std::vector<std::int64_t>& indices) {
  std::vector<int> labels;
  for (const std::int64_t index : indices)
    labels.push_back(static_cast<int>(manifest.samples[static_cast<std::size_t>(index)].label));
  return labels;
}

std::vector<double> to_probabilities(const std::vector<double>& logits, double temperature) {
  std::vector<double> probabilities;
  for (const double logit : logits)
    probabilities.push_back(functors::Sigmoid::f(logit / temperature));
  return probabilities;
}

std::vector<Prediction> to_predictions(const Manifest& manifest,
                                       const std::vector<std::int64_t>& indices,
                                       const std::vector<double>& probabilities) {
  std::vector<Prediction> predictions;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const Sample& sample = manifest.samples[static_cast<std::size_t>(indices[i])];
    predictions.push_back({sample.path, sample.study, sample.patient, sample.part,
                           static_cast<int>(sample.label), probabilities[i]});
  }
  return predictions;
}

}  // namespace osteon
