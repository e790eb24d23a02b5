// Checks before a run is resumed: its options, its folder, its data and the machine.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "tensor/device.h"
#include "train/options.h"

namespace osteon {

// The options in a run's config.json. Throws Error naming config.json if it is missing or invalid.
TrainOptions options_of_run(const std::filesystem::path& run);

// Compares `now` with the options of the run in `now.out`. Throws UsageError with both values for
// the first different option that the table of options (train/option_table.h) does not allow to
// change. Run::resume compares the samples.
//
// Throws Error naming a link in the run's folder other than those to checkpoints, so that a resumed
// run cannot write or remove anything outside of its folder.
void check_resumable(const TrainOptions& now);

// The properties of the machine and the program on which the bits of a result depend, besides the
// recorded options: {"device", "backend", "threads", "instruction_set",
// "processes" (1 with shards, because their number does not matter then), "version"}.
nlohmann::ordered_json describe_machine(const TrainOptions& options, const Device& device);

// The differences between two such descriptions, for example "threads 2 instead of 1"; empty if
// they are equal.
std::string machine_differences(const nlohmann::ordered_json& before,
                                const nlohmann::ordered_json& now);

// A checksum over all samples: names, labels and splits, but not the folder they are in.
std::string samples_checksum(const Manifest& manifest);

}  // namespace osteon
