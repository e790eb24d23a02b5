// The comparison; its error message stays short even if everything differs.
#include "tensor/matching.h"

#include <algorithm>
#include <vector>

namespace osteon {
namespace {

constexpr std::size_t kListed = 8;  // names listed per kind of error

std::string list_of(const char* title, const std::vector<std::string>& entries) {
  if (entries.empty()) return "";
  std::string text = format("; ", entries.size(), " ", title, ": ");
  for (std::size_t i = 0; i < std::min(entries.size(), kListed); ++i)
    text += (i == 0 ? "" : ", ") + entries[i];
  return text + (entries.size() > kListed ? ", ..." : "");
}

}  // namespace

void require_same_tensors(const std::string& what, const std::map<std::string, Shape>& expected,
                          const std::map<std::string, Tensor>& given) {
  std::vector<std::string> missing, unexpected, reshaped;
  for (const auto& [name, shape] : expected) {
    const auto found = given.find(name);
    if (found == given.end())
      missing.push_back(name);
    else if (found->second.shape() != shape)
      reshaped.push_back(format(name, " is ", found->second.shape(), ", expected ", shape));
  }
  for (const auto& [name, tensor] : given)
    if (!expected.contains(name)) unexpected.push_back(name);
  if (missing.empty() && unexpected.empty() && reshaped.empty()) return;
  throw Error(what + list_of("missing", missing) + list_of("unexpected", unexpected) +
              list_of("of another shape", reshaped));
}

}  // namespace osteon
