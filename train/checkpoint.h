// Checkpoints of a run: OUT/checkpoints/step-N/ with everything a run is made of at that moment,
// and the links OUT/last and OUT/best to two of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "optim/optimizer.h"
#include "train/model_file.h"

namespace osteon {

// Writes checkpoints/step-`step`/ whole (model.safetensors, optimizer.safetensors, state.json, all
// synced), then moves `last`, and `best` if `is_best`, to it, each by one rename, and removes
// checkpoints that neither points to. `state` is what the loop itself must remember; the
// optimizer's scalars are added under "optimizer". Throws Error naming the file; `last` and `best`
// then still point to whole checkpoints.
void save_checkpoint(const std::filesystem::path& run, std::int64_t step, const Module& model,
                     const ModelInfo& info, const Optimizer& optimizer,
                     nlohmann::ordered_json state, bool is_best);

}  // namespace osteon
