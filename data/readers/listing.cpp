// Lists folders in a fixed order, the same on every file system.
#include <algorithm>

#include "base/text.h"
#include "data/readers/readers.h"

namespace osteon {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> list_entries(const fs::path& folder, bool folders) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (const std::string name = entry.path().filename().string();
        !is_hidden(name) && entry.is_directory() == folders)
      names.push_back(name);
  std::ranges::sort(names);
  return names;
}

}  // namespace

std::vector<std::string> list_subfolders(const fs::path& folder) {
  return list_entries(folder, true);
}

std::vector<std::string> list_files(const fs::path& folder) { return list_entries(folder, false); }

bool is_hidden(std::string_view name) { return name.starts_with('.') || name == "__MACOSX"; }

bool has_image_ending(std::string_view name) {
  const std::string ending = lower_case(fs::path(name).extension().string());
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg" || ending == ".dcm";
}

}  // namespace osteon
