// Prepares the training data that the options name.
#include "train/training_data.h"

#include <numeric>

#include "base/text.h"
#include "data/folds.h"
#include "data/prepare.h"
#include "eval/inference.h"
#include "eval/sample_weights.h"

namespace osteon {
namespace {

// Throws now, not at the first batch, if the task's labels cannot be smoothed.
void check_smoothing(const Manifest& manifest, const Task& task, double share) {
  const std::vector<std::int64_t> first{0};
  task.smooth(task.targets({manifest, first}, DType::f32), share);
}

// Reports faults of the labels now, not after the last epoch.
void check_labels(const Manifest& manifest, const Task& task) {
  std::vector<std::int64_t> all(manifest.samples.size());
  std::iota(all.begin(), all.end(), 0);
  task.check_samples({manifest, all});
}

}  // namespace

std::vector<std::uint64_t> TrainingData::train_digests() const {
  std::vector<std::uint64_t> digests;
  for (const std::int64_t index : train)
    digests.push_back(images.digests[static_cast<std::size_t>(index)]);
  return digests;
}

TrainingData load_training_data(const TrainOptions& options, Progress& progress) {
  Manifest manifest =
      read_manifests(options.data, {.dataset = options.dataset,
                                    .task = options.task,
                                    .columns = {options.label_column, options.labels},
                                    .max_grade = options.max_grade,
                                    .positive = options.positive,
                                    .split_by = options.split_by,
                                    .val_fraction = options.val_fraction,
                                    .seed = options.split_seed,
                                    .names = names_from_rule(options.image_names)});
  for (const std::string& warning : manifest.warnings) progress.line("warning: " + warning);
  draw_folds(manifest, {options.folds, options.fold}, options.val_fraction, options.split_seed,
             options.workers, progress);
  keep_parts(manifest, options.parts);  // the folds are those of all parts
  limit_splits(manifest, options.limit, options.split_seed);
  TrainingData data;
  data.task = make_task(manifest.task, manifest.classes);
  progress.line(format("task: ", manifest.task, ", ",
                       options.task != "auto"   ? "as asked for: "
                       : options.labels.empty() ? "by the number of classes: "
                                                : "by --labels: ",
                       join(manifest.classes)));
  check_labels(manifest, *data.task);
  check_smoothing(manifest, *data.task, options.loss_smoothing);
  data.images = prepare_with_progress(manifest,
                                      {.image_size = options.image_size,
                                       .fit = fit_from_name(options.fit),
                                       .cache = options.cache,
                                       .workers = options.workers,
                                       .max_bad = options.max_bad},
                                      progress);
  data.train = split_indices(data.images.manifest, Split::train);
  data.val = split_indices(data.images.manifest, Split::val);
  OSTEON_CHECK(data.train.size() >= 2, data.images.manifest.source.string(),
               ": the training split has ", data.train.size(), " images; it needs at least 2");
  OSTEON_CHECK(!data.val.empty(), data.images.manifest.source.string(),
               ": the validation split is empty; raise --val-fraction");
  data.task->check_choices(options.threshold, options.temperature, data.samples(data.val));
  data.weights =
      data.task->prepare_training(data.images.manifest, options.positive_weight,
                                  [&](const std::string& warning) { progress.warn(warning); });
  weigh_sets(data.weights, data.images.manifest, options.sample_weight);
  return data;
}

}  // namespace osteon
