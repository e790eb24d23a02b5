// The comparison of names. Its work is nearly proportional to the number of names in the file,
// because the search for a module's names under a prefix ends at the first that is missing.
#include "nn/name_match.h"

#include <algorithm>
#include <set>

#include "base/error.h"

namespace osteon {
namespace {

using Names = std::set<std::string_view>;

// The names that a file must have.
std::vector<std::string> required_names(const Module& module, const std::string& head) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : module.named_state())
    if (!is_batch_counter(name) && !is_below(name, head)) names.push_back(name);
  return names;
}

std::vector<std::string> prefixes_of(const std::string& first, const Names& names) {
  std::vector<std::string> prefixes{""};
  for (const std::string_view name : names)
    if (name.ends_with("." + first))
      prefixes.emplace_back(name.substr(0, name.size() - first.size()));
  std::ranges::sort(prefixes, {}, [](const std::string& text) { return text.size(); });
  return prefixes;
}

// Calls visit(place) for each name that begins with the prefix, while it returns true.
template <class Visit>
void for_each_below(const Names& names, const std::string& prefix, const Visit& visit) {
  for (auto place = names.lower_bound(prefix);
       place != names.end() && place->starts_with(prefix) && visit(*place);)
    ++place;
}

}  // namespace

bool is_below(std::string_view name, const std::string& module) {
  return !module.empty() && name.size() > module.size() && name.starts_with(module) &&
         name[module.size()] == '.';
}

bool is_batch_counter(std::string_view name) {
  return name == "num_batches_tracked" || name.ends_with(".num_batches_tracked");
}

KnownNames::KnownNames(const Module& module, const std::string& head) : head_(head) {
  for (const auto& [name, tensor] : module.named_state()) names_.push_back(name);
  std::ranges::sort(names_);
}

bool KnownNames::contains(std::string_view name) const {
  return is_below(name, head_) || std::binary_search(names_.begin(), names_.end(), name);
}

std::vector<NameMatch> match_names(const Module& module, const std::vector<std::string_view>& names,
                                   const std::string& head) {
  const std::vector<std::string> required = required_names(module, head);
  OSTEON_CHECK(!required.empty(), "match_names: the module has no tensors besides its head");
  const KnownNames known(module, head);
  const Names given(names.begin(), names.end());
  std::vector<NameMatch> matches;
  std::set<std::string_view> matched;  // names of the file that a match accounts for
  for (const std::string& prefix : prefixes_of(required[0], given)) {
    NameMatch& match = matches.emplace_back(NameMatch{.prefix = prefix});
    while (match.found < required.size() && given.contains(prefix + required[match.found]))
      ++match.found;
    match.is_complete = match.found == required.size();
    if (!match.is_complete) continue;
    for_each_below(given, prefix, [&](std::string_view name) {
      if (known.contains(name.substr(prefix.size()))) matched.insert(name);
      return true;
    });
  }
  for (NameMatch& match : matches)
    if (match.is_complete)
      for_each_below(given, match.prefix, [&](std::string_view name) {
        return match.is_complete = matched.contains(name);
      });
  return matches;
}

}  // namespace osteon
