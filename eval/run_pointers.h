// pointers.json: the names of the last and the best checkpoint of a run. The links OUT/last and
// OUT/best show the same to users, but not every file system and not every copy has links.
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
  std::vector<std::string> superseded;  // former last or best ones, which may be removed
};

inline constexpr const char* kCheckpoints = "checkpoints";

// Whether `name` can be a checkpoint's folder: step-N or step-N.K. Other names in pointers.json or
// a checkpoint's state are refused, because the folder of a run may come from another person.
bool is_checkpoint_name(const std::string& name);

// The pointers of a run, from pointers.json. If that is missing (a run of an older version, or a
// copy of some files), the last checkpoint is the one of the link `last`, or else the newest
// complete one in checkpoints/; the best one is the one that the state of this checkpoint names.
// nullopt if the run has saved nothing. Throws Error naming the file or folder if pointers.json is
// damaged or names a folder that is missing, or if there are checkpoints but no complete one.
std::optional<RunPointers> find_pointers(const std::filesystem::path& run);

// Replaces pointers.json, then tries to point the links `last` and `best` to the same folders.
// Returns the reason why a link could not be made (a file system without links, or a folder of that
// name), or an empty text. Throws Error if pointers.json cannot be written.
std::string write_pointers(const std::filesystem::path& run, const RunPointers& pointers);

}  // namespace osteon
