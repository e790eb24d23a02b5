// pointers.json: which checkpoints of a run are the last and the best one. The links OUT/last and
// OUT/best show the same to people, but not every file system and not every copy has links.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace osteon {

// Names of folders in OUT/checkpoints/, such as step-12.
struct RunPointers {
  std::string last;
  std::string best;                     // empty: no epoch is complete yet
  std::vector<std::string> superseded;  // former ones, which may be removed
};

inline constexpr const char* kCheckpoints = "checkpoints";

// Whether `name` can be a checkpoint's folder: step-N or step-N.K. No other name is read from
// pointers.json or a checkpoint's state, because a run's folder may come from another person.
bool is_checkpoint_name(const std::string& name);

// The pointers of a run: those of pointers.json; without it (a run of an older version, or a copy
// of some files) the checkpoint of the link `last`, else the newest one in checkpoints/ that is
// complete, and the best one that its state names. nullopt if the run has saved nothing. Throws
// Error naming the file or folder if pointers.json is damaged or names a folder that is missing, or
// if there are checkpoints but no complete one.
std::optional<RunPointers> find_pointers(const std::filesystem::path& run);

// Replaces pointers.json, then tries to point the links `last` and `best` to the same folders.
// Throws Error if pointers.json cannot be written. Returns why a link could not be made (a file
// system without links, or a folder of that name), or an empty text.
std::string write_pointers(const std::filesystem::path& run, const RunPointers& pointers);

}  // namespace osteon
