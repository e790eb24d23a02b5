// Training: combines a model, an optimizer, data, a task, and callbacks that see each step and
// epoch. Trainer::train() in trainer.cpp is the loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "data/loader.h"
#include "eval/model_file.h"
#include "eval/task.h"
#include "optim/lr_scheduler.h"
#include "optim/optimizer.h"
#include "train/batch_changes.h"
#include "train/callback.h"
#include "train/device_images.h"
#include "train/options.h"
#include "train/run/run.h"
#include "train/run/state.h"
#include "train/training_data.h"
#include "train/training_step.h"

namespace osteon {

class Trainer {
 public:
  // Reads the data and builds the model on `device`. With options.resume, continues the run in
  // options.out from `last`, or from the beginning if it has no checkpoint. Throws UsageError or
  // Error for unusable options or data, for a folder that already contains a run, and for a run
  // that cannot be continued with these options or has a damaged checkpoint; it writes nothing
  // then.
  explicit Trainer(const TrainOptions& options, const Device& device = Device::cpu());

  // Adds a callback. In a resumed run its state comes from the checkpoint.
  void add_callback(std::shared_ptr<TrainingCallback> callback);

  // Trains the remaining epochs, or until a callback has a reason to stop. Each epoch ends with
  // validation and a checkpoint; a further checkpoint is written every save_every minutes. If a
  // checkpoint or a line of the log cannot be written, a warning says so and training continues;
  // only the last checkpoint must succeed. Throws Error naming step, images and the last checkpoint
  // if a loss or gradient is not finite, and Interrupted, after saving, on SIGINT or SIGTERM.
  void train();

  // The figures of the best checkpoint on the test split (without one, on the validation split),
  // written into the folder and returned; of several processes only the first has them.
  std::unique_ptr<TaskResult> evaluate_best();

 private:
  struct Validation {
    double loss = 0;
    NamedFigure score;                 // under its key
    std::vector<NamedFigure> figures;  // including the score
    ModelInfo info;                    // with the threshold and the temperature
    bool is_average = false;
  };
  using Batches = std::vector<TrainingBatch>;  // of one step

  // --- trainer_setup.cpp
  void choose_kernels() const;
  void build_model(bool initialise);
  TrainingBatch blank_batch() const;
  std::int64_t last_images() const;
  bool is_body_frozen() const { return state_.epoch < options_.freeze; }
  void set_modes();
  void build_step();
  void restore(const Checkpoint& checkpoint);
  void load_state_of(TrainingCallback& callback) const;
  void check_epochs_left() const;
  nlohmann::ordered_json config() const;
  void check_processes() const;

  // --- trainer.cpp
  std::string stop_reason() const;
  Augmentation augmentation() const;
  BatchChangeOptions change_options() const;
  LoaderOptions loader_options() const;
  std::int64_t whole_batch() const { return shards_.total * options_.batch_size; }
  bool next_batches(Loader& loader, Batches& batches);
  static bool finish_batches(Batches& batches);
  TrainingBatch training_batch(const Batch& batch) const;
  Tensor loss_of_inputs(const Tensors& inputs) const;
  Tensor weights_of(const std::vector<std::int64_t>& indices, DType dtype) const;
  void take_results(bool wait);
  void check_finite(const TrainingResult& result) const;
  Validation validate(Module& model);
  Validation validate_better();
  void finish_epoch(const Validation& validation);
  double seconds() const;
  void save(std::optional<BestSoFar> new_best = {}, bool is_average_better = false);
  void take_votes();
  void stop_if_interrupted();

  const TrainOptions options_;
  const Device device_;
  const DType dtype_;
  const Shards shards_;  // of a batch, and those that this process computes
  const std::shared_ptr<Run> run_;
  TrainingData data_;
  std::optional<DeviceImages>
      device_images_;  // those of data_.train, if the device has enough memory
  ModelInfo info_;
  std::unique_ptr<Module> model_;
  std::unique_ptr<Module> average_;  // of the weights, with options_.ema
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<LRScheduler> scheduler_;
  std::unique_ptr<TrainingStep> training_step_;
  bool step_is_of_head_ = false;  // training_step_ leaves the body as it is
  std::vector<std::shared_ptr<TrainingCallback>> callbacks_;  // the run is the first
  nlohmann::ordered_json callback_states_;                    // of a resumed run
  std::int64_t steps_per_epoch_ = 0;
  RunState state_;
  std::optional<Pace> pace_;   // while train() runs
  double seconds_before_ = 0;  // of the run, until it was resumed
  double data_wait_ = 0;       // seconds, in this epoch
  // What the processes have told each other after the last step.
  int signal_ = 0;
  bool is_save_due_ = false;
  std::vector<Waits> waits_;
};

}  // namespace osteon
