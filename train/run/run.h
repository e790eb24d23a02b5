// The folder of a run and its files: config.json, manifest.csv, log.jsonl, TensorBoard's event
// files, checkpoints, chosen kernels; and the signals that interrupt the run.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/interrupt.h"
#include "base/progress.h"
#include "data/cache.h"
#include "eval/model_file.h"
#include "interop/tensorboard.h"
#include "optim/optimizer.h"
#include "train/callback.h"
#include "train/options.h"
#include "train/run/checkpoint.h"
#include "train/run/lock.h"
#include "train/run/log.h"
#include "train/run/state.h"

namespace osteon {

class Run : public TrainingCallback {
 public:
  // A new run in options.out, or with options.resume the existing one. Throws UsageError or Error
  // for a folder that already contains a run or that another process trains in, and for a run that
  // cannot be continued with these options or has a damaged checkpoint. Writes nothing but the lock
  // of a resumed run.
  Run(const TrainOptions& options, const Device& device);

  Progress& progress() { return progress_; }

  // The newest checkpoint of a resumed run; nullopt for a new run. It can be taken once.
  std::optional<Checkpoint> take_checkpoint();
  // The file of the kernels that --autotune chose.
  std::filesystem::path tuning_file() const { return options_.out / "plans.safetensors"; }
  // "none", or the folder of the last checkpoint.
  std::string last_checkpoint() const;

  // Creates and locks the folder with config.json, manifest.csv and an empty log.
  void begin(const nlohmann::ordered_json& config, const Manifest& manifest);
  // Continues the run in its folder; the checkpoint's state.json and the loop's part of it are
  // given. Cuts log.jsonl back to the checkpoint. Throws Error if the samples are not those of the
  // beginning.
  void resume(const nlohmann::ordered_json& config, const nlohmann::ordered_json& checkpoint,
              const RunState& state, const Manifest& manifest);
  // With options.tensorboard, begins the event files with a few images as the model sees them.
  void open_board(const PreparedImages& data, const std::vector<std::int64_t>& indices,
                  std::int64_t step);

  // Until finish(), signals are caught and the clock of save_every runs.
  void start();
  // Throws Error if the last checkpoint could not be written.
  void finish();
  // The first signal that was caught, 0 for none.
  int signal() const { return interrupts_ ? interrupts_->signal() : 0; }

  // Prints the progress and writes a line of the log. If the line cannot be written, one warning is
  // printed and training continues without it.
  void on_step(const StepEvent& event) override;
  void on_epoch(const EpochEvent& event) override;

  // Writes a checkpoint; it is the best one if `new_best` has its figures, which then become
  // state.best. `more` is the state of other parts of the loop. A failure does not end training: it
  // is reported, and the next checkpoint tries again.
  void save(RunState& state, const Module& model, const ModelInfo& info, const Optimizer& optimizer,
            const nlohmann::ordered_json& more, std::optional<BestSoFar> new_best);
  // Whether nothing has been computed since the newest checkpoint.
  bool is_saved(const RunState& state) const;
  // Whether options.save_every minutes have passed since the newest checkpoint.
  bool is_save_due() const;

 private:
  void check_new() const;
  void lock();
  void write(const nlohmann::ordered_json& line);
  void remove_old();

  const TrainOptions options_;
  const Device device_;
  Progress progress_;
  std::unique_ptr<RunLock> lock_;
  RunPointers pointers_;
  std::optional<Checkpoint> checkpoint_;
  std::string samples_;  // checksum of the manifest
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<TensorBoardWriter> board_;     // with options.tensorboard
  std::unique_ptr<CatchInterrupts> interrupts_;  // between start() and finish()
  std::chrono::steady_clock::time_point last_save_;
  std::optional<RunState> saved_;  // the newest checkpoint's
  std::string save_error_;         // of the newest checkpoint, empty when it was written
  std::string link_fault_;         // why there are no links to checkpoints
  std::int64_t lost_lines_ = 0;    // of the log
};

}  // namespace osteon
