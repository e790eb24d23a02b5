// Which runs may be continued, and with which options.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "tensor/device.h"
#include "train/options.h"

namespace osteon {

// The options in a run's config.json. Throws Error naming it when there is none or it is not one.
TrainOptions options_of_run(const std::filesystem::path& run);

// Throws UsageError naming the first option, with both values, by which `now` differs from what the
// run in `now.out` began with, unless the table of options (train/option_table.h) says that it may
// change. The data may have moved, but must hold the same samples.
//
// Throws Error naming a link in the run's folder, other than `last` and `best`: nothing outside the
// folder is to be written or removed by continuing a run.
void check_resumable(const TrainOptions& now);

// What the bits of a result depend on beside the options: {"device", "backend", "threads",
// "instruction_set", "version"}.
nlohmann::ordered_json describe_machine(const TrainOptions& options, const Device& device);

// What differs between two such descriptions, as "threads 2 instead of 1"; empty if nothing does.
std::string machine_differences(const nlohmann::ordered_json& before,
                                const nlohmann::ordered_json& now);

// A checksum over all samples: names, labels and splits, but not the folder they are in.
std::string samples_checksum(const Manifest& manifest);

}  // namespace osteon
