// Training: the loop, what it logs and what it keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "data/loader.h"
#include "optim/lr_scheduler.h"
#include "optim/optimizer.h"
#include "train/evaluation.h"
#include "train/model_file.h"
#include "train/options.h"
#include "train/progress.h"
#include "train/run_log.h"

namespace osteon {

// One run. Its folder, options.out, holds config.json, manifest.csv (the samples with their splits,
// a data set that the csv reader reads), log.jsonl, checkpoints/ with the links last and best, and
// in the end the figures of the best checkpoint.
class Trainer {
 public:
  // Reads the data and builds the model. Throws UsageError or Error for options or data that cannot
  // work and for a folder that already holds a run; nothing is written then.
  explicit Trainer(const TrainOptions& options);

  // All epochs; after each one validation and a checkpoint. Throws Error naming step and images
  // when the loss is not finite.
  void train();

  // The figures of the best checkpoint, by validation AUROC, on the test split, or on the
  // validation split where there is no test: written into the folder and returned.
  EvaluationResult evaluate_best();

 private:
  struct Validation {
    double loss = 0;
    Metrics metrics;
  };

  void load_data();
  void build_model();
  void write_config() const;
  double train_epoch(std::int64_t epoch);
  double compute_gradients(const Batch& batch);
  void update_weights(std::int64_t epoch);
  void report_step(std::int64_t epoch, double loss, const Loader& loader);
  Validation validate();
  void finish_epoch(std::int64_t epoch, double train_loss);
  Tensor loss_of(const Tensor& logits, const std::vector<std::int64_t>& indices) const;

  const TrainOptions options_;
  const DType dtype_;
  Progress progress_;
  PreparedImages data_;
  std::vector<std::int64_t> train_, val_;
  std::vector<double> weights_;  // in the loss, one a sample of the manifest
  ModelInfo info_;
  std::unique_ptr<Module> model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<LRScheduler> scheduler_;
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<Pace> pace_;
  std::int64_t step_ = 0;  // updates of the weights so far
  std::int64_t steps_per_epoch_ = 0;
  std::optional<Validation> best_;
};

}  // namespace osteon
