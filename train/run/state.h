// The state of the training loop except the weights and the optimizer's state: its position and the
// best figures. It is saved with each checkpoint, so that a resumed run continues as if it had
// never stopped.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "eval/task.h"

namespace osteon {

// The checkpoint that `best` points to, and its figures on validation.
struct BestSoFar {
  double loss = 0;
  NamedFigure score;       // the task's score, by which epochs are compared
  std::string checkpoint;  // its folder's name in checkpoints/
};

struct RunState {
  std::int64_t step = 0;     // updates of the weights
  std::int64_t epoch = 0;    // finished epochs, including validation
  std::int64_t batches = 0;  // of the current epoch, so far
  std::int64_t images = 0;   // in these batches
  double loss_sum = 0;       // over these images
  std::int64_t skipped = 0;  // steps skipped because a loss or gradient was not finite
  double seconds = 0;        // duration of the run so far
  std::optional<BestSoFar> best;
};

nlohmann::ordered_json to_json(const RunState& state);

// `score` is the key of the task's score. Throws Error naming a member that is missing, of another
// type or out of range.
RunState run_state_from_json(const nlohmann::ordered_json& json, const std::string& score);

}  // namespace osteon
