// The folder of a run, which the first of several processes writes, and its files: config.json,
// manifest.csv, log.jsonl, TensorBoard's event files, checkpoints, chosen kernels; and the signals
// that interrupt the run.
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
  // for a folder that already contains a run or in which another process trains, and for a run that
  // cannot be continued with these options or has a damaged checkpoint. Writes nothing except the
  // lock of a resumed run.
  Run(const TrainOptions& options, const Device& device);

  Progress& progress() { return progress_; }

  // The newest checkpoint of a resumed run; nullopt for a new run. It can be taken once.
  std::optional<Checkpoint> take_checkpoint();
  // The file of the kernels that --autotune chose.
  std::filesystem::path tuning_file() const {
    return options_.out / (device_.is_cuda() ? "plans.safetensors" : "kernels.json");
  }
  // "none", or the folder of the last checkpoint.
  std::string last_checkpoint() const;

  // Creates and locks the folder with config.json, manifest.csv and an empty log.
  void begin(const nlohmann::ordered_json& config, const Manifest& manifest);
  // Continues the run in its folder. `checkpoint` is the checkpoint's state.json, `state` the
  // loop's part of it. Cuts log.jsonl back to its size at the checkpoint. Throws Error if the
  // samples are not those with which the run began.
  void resume(const nlohmann::ordered_json& config, const nlohmann::ordered_json& checkpoint,
              const RunState& state, const Manifest& manifest);
  // With options.tensorboard: creates the event files and writes a few images at the model's input
  // size.
  void open_board(const PreparedImages& data, const std::vector<std::int64_t>& indices,
                  std::int64_t step);

  // From this call until finish(), signals are caught, and the time for save_every is measured.
  void start();
  // Throws Error if the last checkpoint could not be written.
  void finish();
  // The first signal that was caught, 0 for none.
  int signal() const { return interrupts_ ? interrupts_->signal() : 0; }

  // Prints the progress and writes a line of the log. If the line cannot be written, one warning is
  // printed and training continues without it.
  void on_step(const StepEvent& event) override;
  void on_epoch(const EpochEvent& event) override;

  // Writes a checkpoint. If `new_best` is given, the checkpoint is the best one, and these figures
  // become state.best. `more` contains further members of state.json (scheduler, callbacks). A
  // failure does not end training: it is reported, and the next checkpoint tries again.
  void save(RunState& state, const CheckpointContents& contents, const nlohmann::ordered_json& more,
            std::optional<BestSoFar> new_best);
  // Whether nothing has been computed since the newest checkpoint.
  bool is_saved(const RunState& state) const;
  // Whether options.save_every minutes have passed since the newest checkpoint, by this process's
  // clock.
  bool is_save_due() const;

 private:
  void check_new() const;
  bool write_checkpoint(const std::string& name, const RunState& saved,
                        const CheckpointContents& contents, const nlohmann::ordered_json& more,
                        bool is_best);
  void lock();
  void write(const nlohmann::ordered_json& line);
  void remove_old();

  const TrainOptions options_;
  const Device device_;
  const bool is_writer_;  // the others know what is in the folder, but write and print nothing
  Progress progress_;
  std::unique_ptr<RunLock> lock_;
  RunPointers pointers_;
  std::optional<Checkpoint> checkpoint_;
  std::string samples_;  // checksum of the manifest
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<TensorBoardWriter> board_;     // with options.tensorboard
  std::unique_ptr<CatchInterrupts> interrupts_;  // between start() and finish()
  std::chrono::steady_clock::time_point last_save_;
  std::optional<RunState> saved_;  // the state in the newest checkpoint
  std::string save_error_;         // why the newest checkpoint was not written; empty if it was
  std::string link_fault_;         // why there are no links to checkpoints
  std::int64_t lost_lines_ = 0;    // lines that could not be written to the log
};

}  // namespace osteon
