// Compiled plans on disk, so that a second start compiles nothing and a resumed run uses the same
// plans as before.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace osteon::cuda {

// The conditions under which a plan is valid; another version, device or choice needs another plan.
struct PlanOrigin {
  std::string library;  // cudnn_version()
  std::string device;   // its name and the properties that identify its kind
  std::string choice;   // the method: heuristics or timing

  bool operator==(const PlanOrigin&) const = default;
};

struct StoredPlan {
  std::string spec;    // in the format of describe()
  std::string engine;  // cuDNN's name of the engine
  std::string bytes;
};

// $OSTEON_PLAN_CACHE, else osteon/plans in $XDG_CACHE_HOME, else in ~/.cache; empty if none of
// these variables is set.
std::filesystem::path plan_cache_folder();

// The stored plan for a spec. Empty if there is no file, or if the file is damaged or has another
// origin: then a new plan is made and stored in its place.
std::optional<StoredPlan> find_plan(const std::filesystem::path& folder, const PlanOrigin& origin,
                                    const std::string& spec);

// Stores a plan and creates the folder if necessary. Throws Error naming the file and the system's
// reason.
void store_plan(const std::filesystem::path& folder, const PlanOrigin& origin,
                const StoredPlan& plan);

// Plans of one origin in one file, written atomically: safetensors with one u8 tensor per plan,
// named by its spec; engines and checksums are in the metadata.
struct PlanFile {
  PlanOrigin origin;
  std::vector<StoredPlan> plans;
};
void write_plans(const std::filesystem::path& path, const PlanFile& contents);
// Throws Error naming the file if it has another format or a checksum does not match.
PlanFile read_plans(const std::filesystem::path& path);

}  // namespace osteon::cuda
