// Checkpoints of a run: the folders OUT/checkpoints/step-N/, each with the complete state of the
// run at that step. OUT/pointers.json says which are the last and the best (eval/run_pointers.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/model_file.h"
#include "eval/run_pointers.h"
#include "optim/optimizer.h"

namespace osteon {

// The name of the folder in checkpoints/ for the next checkpoint at `step`: step-N, or if that
// exists step-N.1, step-N.2 and so on.
std::string checkpoint_name(const std::filesystem::path& run, std::int64_t step);

// What a checkpoint contains besides the state of the training loop.
struct CheckpointContents {
  const Module& model;  // that is trained
  const ModelInfo& info;
  const Optimizer& optimizer;
  const Module* average = nullptr;  // of its weights, if the run has one
  bool is_average_better = false;   // model.safetensors is the average
};

// Writes checkpoints/NAME/ completely: model.safetensors, optimizer.safetensors, with an average
// other.safetensors, and state.json with the checksums of all; all synced. The folder gets its name
// at the end, by one rename. Then pointers.json names it as the last checkpoint and, if `is_best`,
// as the best one. `state` is the state of the training loop; the optimizer's scalars are added
// under "optimizer". `pointers` are the current pointers of the run and are replaced by the new
// ones; a former last or best checkpoint becomes superseded. Returns the reason why links could not
// be made, or an empty text. Throws Error naming the file; then nothing has changed.
std::string save_checkpoint(const std::filesystem::path& run, const std::string& name,
                            const CheckpointContents& contents, nlohmann::ordered_json state,
                            bool is_best, RunPointers& pointers);

// Removes superseded checkpoints and the incomplete ones that a killed run left, nothing else.
// Throws Error naming the folder that cannot be removed.
void remove_old_checkpoints(const std::filesystem::path& run, const RunPointers& pointers);

// The names of checkpoints that are not in `pointers`. A run leaves one if it is killed before it
// writes pointers.json. Nothing removes them.
std::vector<std::string> other_checkpoints(const std::filesystem::path& run,
                                           const RunPointers& pointers);

struct Checkpoint {
  NamedTensors model;    // that is trained
  NamedTensors average;  // without tensors if the run has none
  OptimizerState optimizer;
  nlohmann::ordered_json state;
};

// Reads a checkpoint's folder. Throws Error naming the file if one is missing, does not match its
// checksum, or has the wrong kind of contents.
Checkpoint load_checkpoint(const std::filesystem::path& folder);

}  // namespace osteon
