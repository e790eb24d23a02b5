// Checkpoints of a run: the folders OUT/checkpoints/step-N/, each with the complete state of the
// run at that step, and the links OUT/last and OUT/best to two of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "eval/model_file.h"
#include "optim/optimizer.h"

namespace osteon {

// The name of the folder in checkpoints/ that the next save_checkpoint at `step` makes: step-N, or
// step-N.1, ... if `last` or `best` points to one of that name.
std::string checkpoint_name(const std::filesystem::path& run, std::int64_t step);

// Writes checkpoints/NAME/ completely (model.safetensors, optimizer.safetensors, and state.json
// with the checksums of all three; all synced). Then it moves `last`, and `best` if `is_best`, to
// it, each by one rename, and removes checkpoints that neither points to. `state` is the state of
// the training loop; the optimizer's scalars are added under "optimizer". Throws Error naming the
// file; `last` and `best` then still point to complete checkpoints.
void save_checkpoint(const std::filesystem::path& run, const std::string& name, const Module& model,
                     const ModelInfo& info, const Optimizer& optimizer,
                     nlohmann::ordered_json state, bool is_best);

struct Checkpoint {
  NamedTensors model;
  OptimizerState optimizer;
  nlohmann::ordered_json state;
};

// Reads a checkpoint's folder. Throws Error naming the file if one is missing, does not match its
// checksum, or has the wrong kind of contents.
Checkpoint load_checkpoint(const std::filesystem::path& folder);

// Points `best` to checkpoints/NAME again, because a run that was killed between the renames of
// `last` and `best` left an older one there. Throws Error if there is no such checkpoint.
void restore_best(const std::filesystem::path& run, const std::string& name);

}  // namespace osteon
