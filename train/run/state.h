// What the training loop itself remembers, apart from weights and the optimizer's state: where it
// is and the best it has seen. It is saved with each checkpoint, so that a resumed run goes on as
// if it had never stopped.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "eval/task.h"

namespace osteon {

// The checkpoint that `best` points to, and its figures of validation.
struct BestSoFar {
  double loss = 0;
  NamedFigure score;       // of the task, by which epochs are compared
  std::string checkpoint;  // its folder's name in checkpoints/
};

struct RunState {
  std::int64_t step = 0;     // updates of the weights
  std::int64_t epoch = 0;    // epochs that are over, with their validation
  std::int64_t batches = 0;  // taken of the epoch that has begun
  std::int64_t images = 0;   // in them
  double loss_sum = 0;       // over these images
  std::int64_t skipped = 0;  // batches left out because something was not finite
  double seconds = 0;        // of the run so far
  std::optional<BestSoFar> best;
};

nlohmann::ordered_json to_json(const RunState& state);

// `score` is the key of the task's score. Throws Error saying which member is missing, of another
// kind or out of range.
RunState run_state_from_json(const nlohmann::ordered_json& json, const std::string& score);

}  // namespace osteon
