// Training: the loop, what it logs and what it keeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/interrupt.h"
#include "base/progress.h"
#include "data/loader.h"
#include "eval/evaluation.h"
#include "eval/model_file.h"
#include "interop/tensorboard.h"
#include "optim/lr_scheduler.h"
#include "optim/optimizer.h"
#include "train/device_images.h"
#include "train/options.h"
#include "train/run/checkpoint.h"
#include "train/run/log.h"
#include "train/run/state.h"
#include "train/training_step.h"

namespace osteon {

// One run. Its folder, options.out, holds config.json, manifest.csv (the samples with their splits,
// a data set that the csv reader reads), log.jsonl, checkpoints/ with the links last and best, and
// in the end the figures of the best checkpoint.
class Trainer {
 public:
  // Reads the data and builds the model on `device`; with options.resume, continues the run in
  // options.out from `last`, or from its beginning if nothing was saved yet. Throws UsageError or
  // Error for options or data that cannot work, a folder that already holds a run, and a run that
  // cannot be continued with these options or from a damaged checkpoint; nothing is written then.
  explicit Trainer(const TrainOptions& options, const Device& device = Device::cpu());

  // The epochs that are left; after each one validation and a checkpoint, and one every save_every
  // minutes. A checkpoint or a line of the log that cannot be written is said, and training goes on
  // without; only the last checkpoint must succeed. Throws Error naming step, images and the last
  // checkpoint when loss or gradient is not finite, and Interrupted, after saving, when SIGINT or
  // SIGTERM came.
  void train();

  // The figures of the best checkpoint, by validation AUROC, on the test split, or on the
  // validation split where there is no test: written into the folder and returned.
  EvaluationResult evaluate_best();

 private:
  struct Validation {
    double loss = 0;
    Metrics metrics;
  };

  // --- trainer_setup.cpp
  void choose_kernels() const;
  void load_data();
  void build_model(bool initialise);
  void begin();
  void restore(const Checkpoint& checkpoint);
  void write_config() const;

  // --- trainer.cpp
  void train_epoch();
  TrainingBatch training_batch(const Batch& batch) const;
  Tensor loss_of_inputs(const Tensors& inputs) const;
  void issue_step(std::vector<TrainingBatch>& batches);
  void take_results(bool wait);
  void report_step(const TrainingResult& result);
  Validation validate();
  void finish_epoch();
  std::pair<Tensor, Tensor> labels_and_weights(const std::vector<std::int64_t>& indices,
                                               DType dtype) const;

  // --- trainer_keep.cpp
  double seconds() const;
  void open_board();
  void write_scalars(const nlohmann::ordered_json& line);
  void log(const nlohmann::ordered_json& line);
  void save(std::optional<BestSoFar> new_best = {});
  void save_if_due();
  void stop_if_interrupted();
  void check_finite(const TrainingResult& result);
  std::string last_checkpoint() const;

  static constexpr const char* kPlansFile =
      "plans.safetensors";  // in the run's folder, with autotune

  const TrainOptions options_;
  const Device device_;
  const DType dtype_;
  Progress progress_;
  PreparedImages data_;
  std::vector<std::int64_t> train_, val_;
  std::optional<DeviceImages> device_images_;  // those of train_, where the device has the room
  std::vector<double> weights_;                // in the loss, one a sample of the manifest
  ModelInfo info_;
  std::unique_ptr<Module> model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<LRScheduler> scheduler_;
  std::unique_ptr<TrainingStep> training_step_;
  std::int64_t first_step_ = 0;  // that this process computes
  double data_wait_ = 0;         // seconds, in this epoch
  std::int64_t steps_per_epoch_ = 0;
  RunState state_;

  std::unique_ptr<RunLog> log_;
  std::unique_ptr<TensorBoardWriter> board_;  // if asked for
  std::unique_ptr<Pace> pace_;
  std::unique_ptr<CatchInterrupts> interrupts_;  // while train() runs
  std::chrono::steady_clock::time_point last_save_;
  double seconds_before_ = 0;    // of the run, until it was resumed
  bool is_saved_ = false;        // nothing has changed since the newest checkpoint
  std::string save_error_;       // of the newest checkpoint, empty when it was written
  std::int64_t lost_lines_ = 0;  // of the log
};

}  // namespace osteon
