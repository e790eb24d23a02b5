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
// run in `now.out` began with, unless it is one of those that may change:
//
//   data, dataset         the folder may have moved; its samples must be the same
//   workers, cache, max_bad, save_every, skip_nonfinite, patience
//   epochs                unless the schedule is a cosine, which is laid out over all of them
//   threads, backend, device   the weights are then no longer the same bit for bit
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

// A checksum over all samples: paths, labels and splits, but not the folder they are in.
std::string samples_checksum(const Manifest& manifest);

}  // namespace osteon
