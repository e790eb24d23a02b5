// Removes the common folder from paths.
#include "data/image_names.h"

#include <algorithm>

namespace osteon {

namespace fs = std::filesystem;

std::vector<std::string> image_names(const std::vector<fs::path>& paths) {
  std::vector<fs::path> whole;
  for (const fs::path& path : paths) whole.push_back(fs::absolute(path).lexically_normal());
  std::vector<fs::path> common;  // its components
  for (const fs::path& path : whole) {
    const fs::path folder = path.parent_path();
    if (&path == &whole.front()) common.assign(folder.begin(), folder.end());
    const auto end =
        std::mismatch(common.begin(), common.end(), folder.begin(), folder.end()).first;
    common.erase(end, common.end());
  }
  std::vector<std::string> names;
  for (const fs::path& path : whole) {
    fs::path name;
    for (auto part = std::next(path.begin(), std::ssize(common)); part != path.end(); ++part)
      name /= *part;
    names.push_back(name.string());
  }
  return names;
}

}  // namespace osteon
