// Finds the tensors of a module in a file whose names have a common text before them: DataParallel
// writes `module.`, torch.compile `_orig_mod.`, a Lightning module the name of its member.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nn/module.h"

namespace osteon {

// Whether `module`, if not empty, is the name of a module that contains `name`.
bool is_below(std::string_view name, const std::string& module);

// The counters of batch norm, num_batches_tracked, which files of old PyTorch versions lack.
bool is_batch_counter(std::string_view name);

// A text that precedes the names of a module; "" or ends with a dot.
struct NameMatch {
  std::string prefix;
  // How many names follow it, in the module's order and up to the first that is missing. Counters
  // of batch norm and the head may be missing in a file and are not counted.
  std::size_t found = 0;
  // Whether all names follow it and no other does, except other matches of all names.
  bool is_complete = false;
};

// One line for each text that precedes the module's first name in `names`, the shortest first; ""
// is always one. `head` is as in load_state_dict.
std::vector<NameMatch> match_names(const Module& module, const std::vector<std::string_view>& names,
                                   const std::string& head);

// The names that a file may have for a module: those of its tensors, and any below `head`.
class KnownNames {
 public:
  KnownNames(const Module& module, const std::string& head);
  bool contains(std::string_view name) const;

 private:
  std::vector<std::string> names_;  // ascending
  std::string head_;
};

}  // namespace osteon
