// Runs batches through a model.
#include "eval/inference.h"

#include <algorithm>
#include <cstring>

#include "comm/process_group.h"
#include "data/shards.h"
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

namespace {

// The samples of this process: whole batches of all samples, so that each image is computed among
// the same ones as by a single process.
std::vector<std::int64_t> samples_here(const std::vector<std::int64_t>& indices,
                                       std::int64_t batch_size) {
  const auto samples = static_cast<std::int64_t>(indices.size());
  const Rows batches =
      rows_of_shard((samples + batch_size - 1) / batch_size, world().rank(), world().size());
  return {indices.begin() + std::min(samples, batches.begin * batch_size),
          indices.begin() + std::min(samples, batches.end * batch_size)};
}

// The values of all processes, one after the other.
ImageValues gather(const ImageValues& mine) {
  ImageValues all;
  const std::string bytes(reinterpret_cast<const char*>(mine.values.data()),
                          mine.values.size() * sizeof(double));
  for (const std::string& text : world().all_gather(bytes)) {
    std::vector<double> values(text.size() / sizeof(double));
    std::memcpy(values.data(), text.data(), text.size());
    all.values.insert(all.values.end(), values.begin(), values.end());
  }
  // A process without a batch does not know the number of columns.
  for (const std::string& columns : world().all_gather(std::to_string(mine.columns)))
    all.columns = std::max<std::int64_t>(all.columns, std::stoll(columns));
  return all;
}

ImageValues infer_here(Module& model, const ModelInfo& info, const ImageStore& store,
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

}  // namespace

ImageValues infer_outputs(Module& model, const ModelInfo& info, const ImageStore& store,
                          const std::vector<std::int64_t>& indices, const InferenceOptions& options,
                          const std::function<void(std::int64_t)>& progress) {
  if (world().size() == 1) return infer_here(model, info, store, indices, options, progress);
  const std::vector<std::int64_t> here = samples_here(indices, options.batch_size);
  ImageValues outputs;
  if (!here.empty())
    outputs = infer_here(model, info, store, here, options, [&](std::int64_t done) {
      world().mark("evaluating, images", done);
      if (progress) progress(done * world().size());
    });
  return gather(outputs);
}

std::vector<std::int64_t> split_indices(const Manifest& manifest, Split split) {
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < manifest.samples.size(); ++i)
    if (manifest.samples[i].split == split) indices.push_back(static_cast<std::int64_t>(i));
  return indices;
}

}  // namespace osteon
