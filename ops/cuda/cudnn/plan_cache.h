// Compiled plans on disk, so that a second start costs no compile and a resumed run computes with
// what it began with.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace osteon::cuda {

// What a plan is good for; another version, device or choice makes another plan.
struct PlanOrigin {
  std::string library;  // cudnn_version()
  std::string device;   // its name and what tells it from others of that name
  std::string choice;   // how it was chosen: by heuristics, by timing

  bool operator==(const PlanOrigin&) const = default;
};

struct StoredPlan {
  std::string spec;    // as describe() prints it
  std::string engine;  // cuDNN's name of what computes it
  std::string bytes;
};

// $OSTEON_PLAN_CACHE, else osteon/plans in $XDG_CACHE_HOME, else in ~/.cache; empty where none of
// these variables is set.
std::filesystem::path plan_cache_folder();

// What the folder has for a spec. Nothing if there is no file, or if it is damaged, or for
// something else: the plan is then made anew and stored over it.
std::optional<StoredPlan> find_plan(const std::filesystem::path& folder, const PlanOrigin& origin,
                                    const std::string& spec);

// Stores one; makes the folder. Throws Error naming the file and the system's reason.
void store_plan(const std::filesystem::path& folder, const PlanOrigin& origin,
                const StoredPlan& plan);

// Any number of plans of one origin in one file, whole or not at all: safetensors, one u8 tensor a
// plan, named by its spec, with engines and checksums in the metadata.
struct PlanFile {
  PlanOrigin origin;
  std::vector<StoredPlan> plans;
};
void write_plans(const std::filesystem::path& path, const PlanFile& contents);
// Throws Error naming the file if it is not such a file or a checksum does not match.
PlanFile read_plans(const std::filesystem::path& path);

}  // namespace osteon::cuda
