// The layers of a model under the names of another origin's files.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace osteon {

// The path of a layer in files of the other origin, and its path here.
using LayerNames = std::map<std::string, std::string, std::less<>>;

// The name here of a tensor that has this name in the other origin's files, also after a common
// text such as "module."; of a tensor that is in none of the layers, the same name.
std::string name_here(const LayerNames& layers, std::string_view name);

// Whether a file with tensors of these names is of the other origin: they include each of its
// layers, except that `head`, a path here, may be missing.
bool has_names_of(const LayerNames& layers, std::span<const std::string_view> names,
                  std::string_view head);

}  // namespace osteon
