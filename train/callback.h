// Callbacks that observe training and may end it: the log, early stopping, or a user's own.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/task.h"

namespace osteon {

// What a process has waited for, in seconds.
struct Waits {
  double data = 0;  // for batches, in this epoch
  double sums = 0;  // for gradients of other processes, after backward, in this part of the run
};

// A finished step; on a CUDA device the next one has been issued already.
struct StepEvent {
  std::int64_t epoch = 0, step = 0;  // from 1
  std::int64_t total_steps = 0;      // of the whole run
  double loss = 0;                   // of the step's last batch
  double lr = 0;
  double images_per_second = 0;
  double seconds_left = 0;
  double data_wait = 0;        // seconds of this epoch spent waiting for data
  std::vector<Waits> waits{};  // of each process, if there are several
  std::size_t peak_bytes = 0;  // of the device's memory
};

// The end of an epoch, after validation.
struct EpochEvent {
  std::int64_t epoch = 0, step = 0;    // from 1
  double train_loss = 0;               // mean over the epoch's images
  double loss = 0;                     // of validation
  NamedFigure score{};                 // of validation, compares epochs; the name is for printing
  std::vector<NamedFigure> figures{};  // of validation, including the score
  bool is_average = false;             // these are figures of the average of the weights
  bool is_best = false;                // of all epochs so far
  double lr = 0;
  double images_per_second = 0;
  double seconds = 0;        // of the run so far
  std::int64_t skipped = 0;  // steps skipped so far because a number was not finite
  std::size_t peak_bytes = 0;
};

class TrainingCallback {
 public:
  virtual ~TrainingCallback() = default;

  virtual void on_step(const StepEvent& /*event*/) {}
  virtual void on_epoch(const EpochEvent& /*event*/) {}
  // The reason to end training before its last epoch, queried before each epoch; empty to continue.
  virtual std::string stop_reason() const { return {}; }

  // The state that a resumed run needs, stored under `name` in the checkpoint's state.json. A
  // callback with an empty name has no state.
  virtual std::string name() const { return {}; }
  virtual nlohmann::ordered_json state() const { return {}; }
  // Throws Error for a value that state() did not return.
  virtual void load_state(const nlohmann::ordered_json& /*state*/) {}
};

}  // namespace osteon
